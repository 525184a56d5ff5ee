/** A gateway of several worker processes between two remotes. */
import { readFileSync } from 'node:fs'
import type { JsonObject } from '../../lib/contract.ts'
import { tempDirWith } from '../helpers/files.ts'
import { type GatewayProcess, startGatewayProcess } from '../helpers/gateway-process.ts'
import type { CallOptions, CallResponse } from '../helpers/http.ts'
import { until } from '../helpers/until.ts'
import { instanceOf, type RemoteIdm, startRemoteIdm } from '../sync/gateways.ts'

/** The system deals out connections at random: that so many all go to one worker of two is seen once in eight million times. */
export const EACH = 24

export const MAPPING: JsonObject = {
  name: 'm',
  source: 'external/idm/a/managed/user',
  target: 'external/idm/b/managed/user',
  properties: [{ source: 'userName', target: 'userName' }],
  correlationQuery: [
    {
      linkQualifier: 'default',
      expressionTree: { all: ['userName'] },
      type: 'text/javascript',
      file: 'ui/correlateTreeToQueryFilter.js',
    },
  ],
}

/** The worker processes of a gateway. */
export function workersOf({ process: { child } }: GatewayProcess): number[] {
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
  return children.split(' ').filter(Boolean).map(Number)
}

export interface WorkersStage {
  /** Its folder. */
  readonly project: string
  readonly source: RemoteIdm
  readonly target: RemoteIdm
  readonly gateway: GatewayProcess
  /** The same call so often that each worker has received one. */
  everywhere(path: string, options?: CallOptions): Promise<CallResponse[]>
  recon(parameters?: string): Promise<CallResponse>
  /** Calls until the answer is another than 503, which a change of the leader answers. */
  patiently(path: string, options?: CallOptions): Promise<CallResponse>
  /** The worker that leads; each time one takes over is a line of the log. */
  leader(): number
}

export interface WorkersStageOptions {
  readonly workers?: number
  readonly users?: readonly string[]
  readonly conf?: Readonly<Record<string, unknown>>
}

export async function startWorkersStage(options: WorkersStageOptions = {}): Promise<WorkersStage> {
  const { workers = 3, users = ['u1', 'u2', 'u3'], conf = {} } = options
  const [source, target] = [await startRemoteIdm(), await startRemoteIdm()]
  for (const id of users) await source.connection.create('managed/user', id, { userName: id })
  const files = {
    'external.idm-a.json': instanceOf(source),
    'external.idm-b.json': instanceOf(target),
    'sync.json': { mappings: [MAPPING] },
    ...conf,
  }
  const project = await tempDirWith(
    Object.fromEntries(Object.entries(files).map(([name, content]) => [`conf/${name}`, content])),
  )
  const args = ['--workers', String(workers)]
  const gateway = await startGatewayProcess({}, { project, args, env: { LOG_LEVEL: 'info' } })
  const patiently = (path: string, options?: CallOptions) =>
    until(async () => {
      const answer = await gateway.call(path, options)
      return answer.status !== 503 && answer
    }, `${path} is answered`)
  return {
    project,
    source,
    target,
    gateway,
    everywhere: (path, options) => Promise.all(Array.from({ length: EACH }, () => gateway.call(path, options))),
    recon: (parameters = '') => gateway.call(`recon?_action=recon&mapping=m${parameters}`, { method: 'POST' }),
    patiently,
    leader: () => leaders(gateway).at(-1) ?? 0,
  }
}

/** The workers that have led, in order. */
export function leaders({ process: { stderr } }: GatewayProcess): number[] {
  const lines = stderr.split('\n').filter((line) => /this (?:worker|node) runs reconciliations/.test(line))
  return lines.map((line) => Number((JSON.parse(line) as { worker: string }).worker))
}

/**
 * Lets creates at a remote fail until it is released.
 * @param retryAfter seconds until one is tried again, ten times
 */
export const holdCreates = (target: RemoteIdm, retryAfter = 1): void => {
  target.retryAfter = String(retryAfter)
  target.interfere = ({ method }) => (method === 'PUT' || method === 'POST' ? 503 : undefined)
}

export const isWriting = ({ requests }: RemoteIdm): boolean => requests.some((line) => /^(?:PUT|POST) /.test(line))
