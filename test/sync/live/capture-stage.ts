/** A proxy between callers and a remote whose collections mappings capture; nothing carries the events out. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { JsonObject } from '../../../lib/contract.ts'
import { Scope } from '../../../lib/core/scope.ts'
import type { Connection } from '../../../lib/crest/protocol/connection.ts'
import type { RequestContext } from '../../../lib/crest/protocol/request.ts'
import { startExternalIdm } from '../../../lib/external-idm.ts'
import { openRepository } from '../../../lib/repo/open.ts'
import { ChangeCaptures } from '../../../lib/sync/live/capture/change-captures.ts'
import { mappingSchema } from '../../../lib/sync/mapping/mapping.ts'
import { type Behaviour, reply } from '../../helpers/behaviours.ts'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { tempDirWith } from '../../helpers/files.ts'
import { type CallOptions, type CallResponse, type OpenCall, open, request } from '../../helpers/http.ts'
import { type MemoryLog, memoryLog } from '../../helpers/log.ts'
import type { Remote } from '../../helpers/remote.ts'
import { until } from '../../helpers/until.ts'
import { basicOf } from '../../proxy/mounted.ts'

export const CAPTURING: JsonObject = {
  name: 'm',
  source: 'external/idm/eu/managed/user',
  target: 'managed/user',
  captureChanges: true,
}

export const REFUSED: Behaviour = reply({ status: 409, body: { code: 409, reason: 'Conflict', message: 'no' } })

/** How many rows a table of a database has. */
export function counter(file: string): (table: string) => number {
  const database = new DatabaseSync(file)
  onCleanUp(() => database.close())
  return (table) => Number(database.prepare(`select count(*) as count from ${table}`).get()?.count)
}

export interface StageOptions {
  readonly mappings?: readonly JsonObject[]
  /** More properties of the instance `eu`. */
  readonly properties?: object
  readonly isHeld?: (mapping: string) => boolean
  readonly maxLockWaitMs?: number
}

interface Parts {
  /** `http://127.0.0.1:PORT/openidm/external/idm`. */
  readonly url: string
  readonly file: string
  readonly connect: (context: RequestContext) => Connection
  readonly counted: { readonly count: number }
  readonly log: MemoryLog
}

export class CaptureStage {
  readonly #parts: Parts
  readonly #database: DatabaseSync

  constructor(parts: Parts) {
    this.#parts = parts
    this.#database = new DatabaseSync(parts.file)
    onCleanUp(() => this.#database.close())
  }

  get log(): MemoryLog {
    return this.#parts.log
  }

  /** How often the store was called. */
  get storeCalls(): number {
    return this.#parts.counted.count
  }

  /** Calls `external/idm/` and what is given, byte for byte. */
  call(path: string, options?: CallOptions): Promise<CallResponse> {
    return request(`${this.#parts.url}/${path}`, options)
  }

  open(path: string, options?: CallOptions): OpenCall {
    return open(`${this.#parts.url}/${path}`, options)
  }

  /** Access from inside. */
  connection(context: RequestContext = {}): Connection {
    return this.#parts.connect(context)
  }

  /** `MAPPING ACTION ID` of each event, in their order. */
  get events(): string[] {
    const rows = this.#rows('select mapping, action, resource from sync_event order by key')
    return rows.map(({ mapping, action, resource }) => `${mapping} ${action} ${resource}`)
  }

  get chains(): unknown[] {
    return this.#rows('select chain from sync_event order by key').map(({ chain }) => JSON.parse(String(chain)))
  }

  get intents(): number {
    return Number(this.#rows('select count(*) as count from capture_intent')[0]?.count)
  }

  /** The mappings that need a full run. */
  get sweeps(): string[] {
    return this.#rows('select mapping from sweep_need order by mapping').map(({ mapping }) => String(mapping))
  }

  /** Resolves when it is known of each request what has become of it. */
  settled(): Promise<unknown> {
    return until(() => this.intents === 0, 'no intent is left')
  }

  /** Keeps writers out until the returned function is called. */
  lock(): () => void {
    this.#database.exec('begin immediate')
    return () => this.#database.exec('rollback')
  }

  #rows(text: string): Record<string, unknown>[] {
    return this.#database.prepare(text).all() as Record<string, unknown>[]
  }
}

export async function startCapture(remote: Pick<Remote, 'url'>, options: StageOptions = {}): Promise<CaptureStage> {
  const { mappings = [CAPTURING], properties = {}, isHeld, maxLockWaitMs = 100 } = options
  const instance = basicOf(remote, properties)
  const dir = await tempDirWith({ 'conf/external.idm-eu.json': instance, 'conf/external.idm-us.json': instance })
  const file = join(dir, 'openidm.db')
  const log = memoryLog()
  const scope = new Scope(log)
  onCleanUp(() => scope.dispose())
  const repository = await openRepository({ file, log, maxLockWaitMs })
  scope.defer('repository', () => repository.close())
  const inForce = mappings.map((config) => ({ mapping: mappingSchema.parse(config), config }))
  const counted = { count: 0 }
  const store = counting(repository.captures(), counted)
  const capturing = { store, mappings: { inForce }, isHeld, signal: scope.signal, log }
  const captures = scope.own('captures', new ChangeCaptures(capturing))
  counted.count = 0
  const started = await startExternalIdm(scope, {
    confDir: join(dir, 'conf'),
    configuration: undefined,
    authorize: () => true,
    behindMount: false,
    env: {},
    trustTransactionId: true,
    capture: () => captures,
    contextOf: () => ({}),
    log,
  })
  const server = createServer((incoming, response) =>
    started.router(incoming, response, () => void response.writeHead(404).end('not ours')),
  )
  onCleanUp(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/openidm/external/idm`
  const connect = (context: RequestContext) => started.resources.connect(context)
  return new CaptureStage({ url, file, connect, counted, log })
}

/** Counts the calls of a store. */
function counting<T extends object>(store: T, counted: { count: number }): T {
  return new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => {
        counted.count += 1
        return member.apply(target, args)
      }
    },
  })
}
