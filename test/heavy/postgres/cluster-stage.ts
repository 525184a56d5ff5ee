/** Several gateways on one database, each a process of its own with the same configuration, and a remote. */
import { generateKey } from '../../../lib/config/values/crypto/crypto.ts'
import type { JsonObject } from '../../../lib/contract.ts'
import { migratePostgres } from '../../../lib/repo/postgres/migrate.ts'
import { tempDirWith } from '../../helpers/files.ts'
import { type GatewayProcess, startGatewayProcess } from '../../helpers/gateway-process.ts'
import { instanceOf, type RemoteIdm, startRemoteIdm } from '../../sync/gateways.ts'
import { tempSchema } from './server.ts'
import { SlowCollection } from './slow-collection.ts'

/** What a request for a new object costs the remote, in milliseconds. */
const COST_MS = 10

/** Each reconciles the users with a collection of its own. */
export const RUNS = ['canceled', 'shared', 'paused', 'killed', 'stopped'] as const

const mapping = (name: string, source: string, enableSync: boolean): JsonObject => ({
  ...{ name, source, target: `external/idm/b/managed/${name}`, taskThreads: 4, enableSync },
  properties: [{ source: 'userName', target: 'userName' }],
  policies: [
    { situation: 'ABSENT', action: 'CREATE' },
    { situation: 'CONFIRMED', action: 'UPDATE' },
  ],
})

/** Changes of roles are carried over at once, those of groups by the queue. */
const MAPPINGS: readonly JsonObject[] = [
  ...RUNS.map((name) => mapping(name, 'managed/user', false)),
  mapping('role', 'managed/role', true),
  { ...mapping('group', 'managed/group', true), queuedSync: { enabled: true } },
]

const TYPES = ['user', 'role', 'group', 'tick'].map((name) => ({
  name,
  schema: { type: 'object', properties: { userName: { type: 'string' } } },
}))

export interface ClusterStage {
  readonly place: { readonly url: string; readonly schema: string }
  readonly remote: RemoteIdm
  readonly keys: string
  start(options?: StartOptions): Promise<GatewayProcess>
}

export interface StartOptions {
  readonly conf?: Readonly<Record<string, unknown>>
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export async function clusterStage(): Promise<ClusterStage> {
  const place = await tempSchema()
  await migratePostgres(place)
  const collections = MAPPINGS.map(({ name }) => [`managed/${String(name)}`, new SlowCollection(COST_MS)] as const)
  const remote = await startRemoteIdm(Object.fromEntries(collections))
  const keys = `${generateKey('one')}\n`
  const start = async ({ conf = {}, args, env }: StartOptions = {}) => {
    const files = {
      'external.idm-b.json': instanceOf(remote),
      'sync.json': { mappings: MAPPINGS },
      'gateway.json': { live: true, resumeRuns: true },
      'managed.json': { objects: TYPES },
      ...conf,
    }
    const project = await tempDirWith({
      ...Object.fromEntries(Object.entries(files).map(([name, content]) => [`conf/${name}`, content])),
      'security/crypto.keys': keys,
    })
    const url = new URL(place.url)
    url.searchParams.set('schema', place.schema)
    return startGatewayProcess({}, { project, args: args ?? [], env: { OPENIDM_REPO_URL: url.href, ...env } })
  }
  return { place, remote, keys, start }
}

export const create = (gateway: GatewayProcess, path: string, content: JsonObject) =>
  gateway.call(path, {
    method: 'PUT',
    headers: { 'if-none-match': '*', 'content-type': 'application/json' },
    body: JSON.stringify(content),
  })

export const post = (gateway: GatewayProcess, path: string) => gateway.call(path, { method: 'POST' })

export async function nodesOf(gateway: GatewayProcess): Promise<JsonObject[]> {
  return ((await gateway.call('cluster')).json as { results: JsonObject[] }).results
}

/** Of two gateways, the one that leads and the other one. */
export async function byRole(
  gateways: readonly GatewayProcess[],
): Promise<{ leader: GatewayProcess; other: GatewayProcess }> {
  const [first] = gateways
  const leading = first && (await nodesOf(first)).find(({ leads }) => leads)
  const leader = gateways.find(({ process }) => process.child.pid === leading?.pid)
  const other = gateways.find((gateway) => gateway !== leader)
  if (!leader || !other) throw new Error('nobody leads')
  return { leader, other }
}
