/** A gateway of several workers on PostgreSQL, between two remotes of which the second takes its time. */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { generateKey } from '../../../lib/config/values/crypto/crypto.ts'
import type { JsonObject } from '../../../lib/contract.ts'
import { MemoryCollection } from '../../../lib/crest/protocol/collection.ts'
import type {
  CreateRequest,
  DeleteRequest,
  PatchRequest,
  Resource,
  UpdateRequest,
} from '../../../lib/crest/protocol/request.ts'
import { migratePostgres } from '../../../lib/repo/postgres/migrate.ts'
import { leaders, workersOf } from '../../gateway/workers-stage.ts'
import { tempDirWith } from '../../helpers/files.ts'
import { type GatewayProcess, startGatewayProcess } from '../../helpers/gateway-process.ts'
import { until } from '../../helpers/until.ts'
import { instanceOf, type RemoteIdm, startRemoteIdm } from '../../sync/gateways.ts'
import { tempSchema } from './server.ts'

/** A collection whose writes take a while. */
export class SlowCollection extends MemoryCollection {
  /** How often an object was created with each name. */
  readonly created = new Map<string, number>()
  writes = 0
  ms: number

  constructor(ms: number) {
    super()
    this.ms = ms
  }

  override async create(request: CreateRequest): Promise<Resource> {
    await this.#wait()
    const created = await super.create(request)
    const name = String(created.content.userName)
    this.created.set(name, (this.created.get(name) ?? 0) + 1)
    return created
  }

  override async update(request: UpdateRequest): Promise<Resource> {
    await this.#wait()
    return super.update(request)
  }

  override async patch(request: PatchRequest): Promise<Resource> {
    await this.#wait()
    return super.patch(request)
  }

  override async delete(request: DeleteRequest): Promise<Resource> {
    await this.#wait()
    return super.delete(request)
  }

  async #wait(): Promise<void> {
    this.writes += 1
    if (this.ms > 0) await delay(this.ms)
  }
}

export const MAPPING: JsonObject = {
  name: 'm',
  source: 'external/idm/a/managed/user',
  target: 'external/idm/b/managed/user',
  properties: [
    { source: 'userName', target: 'userName' },
    { source: 'mail', target: 'mail' },
  ],
}

export interface Run extends JsonObject {
  readonly _id: string
  readonly state: string
  readonly sourceProcessedByNode: Readonly<Record<string, number>>
}

export interface SharedStage {
  readonly gateway: GatewayProcess
  readonly source: RemoteIdm
  readonly target: RemoteIdm
  /** The objects of the target. */
  readonly slow: SlowCollection
  /** Starts a run. @returns its id */
  start(parameters?: string): Promise<string>
  /** The run, when it has ended. */
  ended(id: string): Promise<Run>
  run(id: string): Promise<Run>
  /** The workers that do not lead. */
  others(): number[]
  leader(): number
}

export interface SharedStageOptions {
  readonly workers?: number
  readonly objects: number
  readonly ms: number
  readonly mapping?: JsonObject
}

export async function startSharedStage({
  workers = 2,
  objects,
  ms,
  mapping = {},
}: SharedStageOptions): Promise<SharedStage> {
  const slow = new SlowCollection(ms)
  const [source, target] = [await startRemoteIdm(), await startRemoteIdm({ 'managed/user': slow })]
  for (let index = 0; index < objects; index++)
    await source.connection.create('managed/user', `s${index}`, { userName: `u${index}`, mail: `u${index}@x` })
  const place = await tempSchema()
  await migratePostgres(place)
  const url = new URL(place.url)
  const password = decodeURIComponent(url.password)
  url.password = ''
  const project = await tempDirWith({
    'conf/repo.json': { type: 'postgresql', url: url.href, password: '&{db.password}', schema: place.schema },
    'resolver/boot.properties': `db.password=${password}\n`,
    'conf/external.idm-a.json': instanceOf(source),
    'conf/external.idm-b.json': instanceOf(target),
    'conf/sync.json': { mappings: [{ ...MAPPING, ...mapping }] },
    'conf/gateway.json': { live: true, resumeRuns: true },
    'security/crypto.keys': `${generateKey('one')}\n`,
  })
  const args = ['--workers', String(workers)]
  const gateway = await startGatewayProcess({}, { project, args, env: { LOG_LEVEL: 'info' } })
  const patiently = (path: string, method = 'GET') =>
    until(async () => {
      const answer = await gateway.call(path, { method })
      return answer.status !== 503 && answer
    }, `${path} is answered`)
  const run = async (id: string) => (await patiently(`recon/${id}`)).json as Run
  const leader = () => leaders(gateway).at(-1) ?? 0
  return {
    ...{ gateway, source, target, slow, run, leader },
    start: async (parameters = '') => {
      const { json, status } = await patiently(`recon?_action=recon&mapping=m${parameters}`, 'POST')
      assert.ok(status < 300, JSON.stringify(json))
      return (json as Run)._id
    },
    ended: (id) =>
      until(async () => {
        const one = await run(id)
        return one.state !== 'ACTIVE' && one.resumable !== true && one
      }, 'the run has ended'),
    others: () => workersOf(gateway).filter((pid) => pid !== leader()),
  }
}

/** Each source has exactly one target, created once. */
export async function assertOnce({ target, slow }: SharedStage, objects: number): Promise<void> {
  const { result } = await target.connection.query('managed/user', { _queryFilter: 'true' })
  assert.equal(new Set(result.map(({ userName }) => userName)).size, objects)
  assert.equal(result.length, objects)
  assert.deepEqual(
    [...slow.created].filter(([, count]) => count !== 1),
    [],
  )
}

/** The sum of what the nodes have processed. */
export const sumOf = ({ sourceProcessedByNode }: Run): number =>
  Object.values(sourceProcessedByNode).reduce((sum, count) => sum + count, 0)
