/** A gateway of several workers on PostgreSQL, between two remotes of which the second takes its time. */
import assert from 'node:assert/strict'
import { generateKey } from '../../../lib/config/values/crypto/crypto.ts'
import type { JsonObject } from '../../../lib/contract.ts'
import { migratePostgres } from '../../../lib/repo/postgres/migrate.ts'
import { leaders, workersOf } from '../../gateway/workers-stage.ts'
import { onCleanUp } from '../../helpers/clean-up.ts'
import { tempDirWith } from '../../helpers/files.ts'
import { type GatewayProcess, startGatewayProcess } from '../../helpers/gateway-process.ts'
import type { CallResponse } from '../../helpers/http.ts'
import { until } from '../../helpers/until.ts'
import { instanceOf, type RemoteIdm, startRemoteIdm } from '../../sync/gateways.ts'
import { tempSchema } from './server.ts'
import { SlowCollection } from './slow-collection.ts'

export interface Run extends JsonObject {
  readonly _id: string
  readonly state: string
  readonly sourceProcessedByNode: Readonly<Record<string, number>>
}

export interface SharedStage {
  readonly gateway: GatewayProcess
  readonly source: RemoteIdm
  readonly target: RemoteIdm
  /** What the mapping of each name writes to. */
  readonly targets: Readonly<Record<string, SlowCollection>>
  /** Starts a run. @returns its id */
  start(mapping: string, body?: JsonObject): Promise<string>
  run(id: string): Promise<Run>
  /** The run, when it has ended. */
  ended(id: string): Promise<Run>
  call(path: string, method: string): Promise<CallResponse>
  /** Kills the worker that leads. */
  killLeader(): Promise<void>
  /** Kills one that does not, once there is one. */
  killOther(): Promise<void>
  /** Stops one that does not as SIGSTOP does. @returns what lets it go on */
  pauseOther(): Promise<() => void>
}

export interface SharedStageOptions {
  readonly workers: number
  readonly objects: number
  /** How long a write takes at the target. */
  readonly ms: number
  /** What each mapping has beside its source and target, by name. */
  readonly mappings: Readonly<Record<string, JsonObject>>
}

const JSON_BODY = { 'content-type': 'application/json' }

const COMMON: JsonObject = {
  source: 'external/idm/a/managed/user',
  properties: [
    { source: 'userName', target: 'userName' },
    { source: 'mail', target: 'mail' },
  ],
}

export async function startSharedStage({ workers, objects, ms, mappings }: SharedStageOptions): Promise<SharedStage> {
  const names = Object.keys(mappings)
  const targets = Object.fromEntries(names.map((name) => [name, new SlowCollection(ms)]))
  const collections = Object.fromEntries(names.map((name) => [`managed/${name}`, targets[name] as SlowCollection]))
  const [source, target] = [await startRemoteIdm(), await startRemoteIdm(collections)]
  for (let index = 0; index < objects; index++)
    await source.connection.create('managed/user', `s${index}`, { userName: `u${index}`, mail: `u${index}@x` })
  const place = await tempSchema()
  await migratePostgres(place)
  const url = new URL(place.url)
  const password = decodeURIComponent(url.password)
  url.password = ''
  const configured = names.map((name) => ({
    ...{ name, ...COMMON, target: `external/idm/b/managed/${name}` },
    ...mappings[name],
  }))
  const project = await tempDirWith({
    'conf/repo.json': { type: 'postgresql', url: url.href, password: '&{db.password}', schema: place.schema },
    'resolver/boot.properties': `db.password=${password}\n`,
    'conf/external.idm-a.json': instanceOf(source),
    'conf/external.idm-b.json': instanceOf(target),
    'conf/sync.json': { mappings: configured },
    'conf/gateway.json': { live: true, resumeRuns: true },
    'security/crypto.keys': `${generateKey('one')}\n`,
  })
  const args = ['--workers', String(workers)]
  const gateway = await startGatewayProcess({}, { project, args, env: { LOG_LEVEL: 'info' } })
  const call = (path: string, method: string, body?: string) =>
    until(async () => {
      const answer = await gateway.call(path, { method, ...(body && { body, headers: JSON_BODY }) })
      return answer.status !== 503 && answer
    }, `${path} is answered`)
  const run = async (id: string) => (await call(`recon/${id}`, 'GET')).json as Run
  const leader = () => leaders(gateway).at(-1) ?? 0
  const other = () => until(() => leader() > 0 && workersOf(gateway).find((one) => one !== leader()))
  return {
    ...{ gateway, source, target, targets, run, call },
    start: async (mapping, body = {}) => {
      const { json, status } = await call(`recon?_action=recon&mapping=${mapping}`, 'POST', JSON.stringify(body))
      assert.ok(status < 300, JSON.stringify(json))
      return (json as Run)._id
    },
    ended: (id) =>
      until(async () => {
        const one = await run(id)
        return one.state !== 'ACTIVE' && one.resumable !== true && one
      }, 'the run has ended'),
    killLeader: async () => void process.kill(await until(leader), 'SIGKILL'),
    killOther: async () => void process.kill(await other(), 'SIGKILL'),
    pauseOther: async () => {
      const pid = await other()
      process.kill(pid, 'SIGSTOP')
      const goOn = () => process.kill(pid, 'SIGCONT')
      onCleanUp(goOn)
      return goOn
    },
  }
}

/** The names of all objects of a target. @throws AssertionError when one was created twice */
export async function namesIn({ target, targets }: SharedStage, mapping: string): Promise<string[]> {
  const { result } = await target.connection.query(`managed/${mapping}`, { _queryFilter: 'true' })
  const names = result.map(({ userName }) => String(userName))
  assert.equal(new Set(names).size, names.length)
  const created = targets[mapping]?.created ?? new Map<string, number>()
  assert.deepEqual(
    [...created].filter(([, count]) => count !== 1),
    [],
  )
  return names
}

/** The sum of what the nodes have processed. */
export const sumOf = ({ sourceProcessedByNode }: Run): number =>
  Object.values(sourceProcessedByNode).reduce((sum, count) => sum + count, 0)
