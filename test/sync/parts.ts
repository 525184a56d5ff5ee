/** Mappings between collections in memory, run by the real service on a database of their own. */
import { ConfigDirectory } from '../../lib/config/files/directory.ts'
import type { Json, JsonObject, Logger } from '../../lib/contract.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import { type Connection, connect, connectDry } from '../../lib/crest/protocol/connection.ts'
import type { ResourceHandler } from '../../lib/crest/protocol/request.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'
import { LinkCollection } from '../../lib/repo/links/link-collection.ts'
import type { Repository } from '../../lib/repo/repository.ts'
import { linkOwners } from '../../lib/sync/mapping/link-owners.ts'
import { PrivateFields } from '../../lib/sync/mapping/private-fields.ts'
import { MappingRegistry } from '../../lib/sync/mapping/registry.ts'
import { noScripts, type Scripts } from '../../lib/sync/mapping/scripts.ts'
import { ReconAuditResource } from '../../lib/sync/rest/audit-resource.ts'
import { ReconResource } from '../../lib/sync/rest/recon-resource.ts'
import { ReconService, type ReconServiceOptions } from '../../lib/sync/runs/recon-service.ts'
import type { RunObserver } from '../../lib/sync/runs/run-observer.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { tempDirWith } from '../helpers/files.ts'
import { tempRepository } from '../repo/repositories.ts'

export const silent: Logger = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

export interface StageOptions {
  readonly mapping?: JsonObject
  readonly source?: ResourceHandler
  readonly target?: ResourceHandler
  readonly repository?: Repository
  readonly scripts?: Scripts
  readonly log?: Logger
  readonly observer?: RunObserver
}

export interface Stage {
  readonly connection: Connection
  readonly service: ReconService
  readonly repository: Repository
  /** Runs the mapping to its end and returns the run. */
  run(parameters?: JsonObject, body?: Json): Promise<JsonObject>
  /** What became of each pair: `SITUATION ACTION STATUS` by source id, or target id where there is no source. */
  entries(run: JsonObject): Promise<Record<string, string>>
  put(collection: 'a' | 'b', id: string, content: JsonObject): Promise<void>
  ids(collection: 'a' | 'b'): Promise<string[]>
  links(): Promise<string[]>
}

/** A mapping `m` from `a` to `b` that copies `name` and `mail` and correlates by `name`. */
export const MAPPING: JsonObject = {
  name: 'm',
  source: 'a',
  target: 'b',
  properties: [
    { source: 'name', target: 'name' },
    { source: 'mail', target: 'mail' },
  ],
  correlationQuery: [
    {
      linkQualifier: 'default',
      expressionTree: { any: ['name'] },
      mapping: 'm',
      type: 'text/javascript',
      file: 'ui/correlateTreeToQueryFilter.js',
    },
  ],
}

export async function startStage(options: StageOptions = {}): Promise<Stage> {
  const { mapping = {}, source, target, scripts = noScripts, log = silent, observer } = options
  const repository = options.repository ?? (await tempRepository())
  const router = new ResourceRouter()
  const conf = await tempDirWith({ 'sync.json': { mappings: [{ ...MAPPING, ...mapping }] } })
  const directory = new ConfigDirectory({ dir: conf, log })
  onCleanUp(() => directory.close())
  await directory.start()
  const mappings = new MappingRegistry(log)
  await mappings.follow(directory)
  const privateFields = new PrivateFields(() => [])
  const connection = connect(router, {})
  const stores = {
    ...{ runs: repository.runs(), links: repository.links(), incremental: repository.incremental() },
    ...{ sentValues: repository.sentValues(), agreements: repository.agreements() },
  }
  const replay: ReconServiceOptions['replay'] = (write) => router.replay(write)
  const timed = (isDry: boolean) => (isDry ? connectDry(router) : connection)
  const parts = {
    mappings,
    connection,
    dryConnection: connectDry(router),
    timed,
    replay,
    ...stores,
    events: repository.events(),
    scripts,
    log,
    observer,
  }
  const service = new ReconService(parts)
  onCleanUp(() => service.dispose())
  router.add('a', source ?? new MemoryCollection())
  router.add('b', target ?? new MemoryCollection())
  router.add('recon', new ReconResource(service, privateFields))
  router.add('audit/recon', new ReconAuditResource(service, privateFields))
  router.add(
    'repo/link',
    new LinkCollection(
      repository.links(),
      linkOwners(mappings, (name) => service.isRunning(name)),
    ),
  )
  await service.begin()
  return stageOf(connection, service, repository)
}

export function stageOf(connection: Connection, service: ReconService, repository: Repository): Stage {
  return {
    connection,
    service,
    repository,
    async run(parameters = {}, body = null) {
      const action = parameters.id === undefined ? 'recon' : 'reconById'
      const params = { mapping: 'm', waitForCompletion: true, persistAssociations: true, ...parameters }
      const started = (await connection.action('recon', action, body, params)) as JsonObject
      const run = await connection.read(`recon/${String(started._id)}`)
      if (!run) throw new Error('the run is not there')
      return run
    },
    async entries(run) {
      const params = { _queryFilter: 'true' }
      const { result } = await connection.query(`recon/assoc/${String(run._id)}/entry`, params)
      return Object.fromEntries(
        result.map((entry) => [
          String(entry.sourceObjectId ?? entry.targetObjectId),
          `${String(entry.situation)} ${String(entry.action)} ${String(entry.status)}`,
        ]),
      )
    },
    async put(collection, id, content) {
      await connection.create(collection, id, content)
    },
    async ids(collection) {
      const { result } = await connection.query(collection, { _queryFilter: 'true' })
      return result.map((object) => String(object._id)).sort()
    },
    async links() {
      const { result } = await connection.query('repo/link', { _queryFilter: 'true' })
      return result.map(({ firstId, secondId }) => `${String(firstId)}-${String(secondId)}`).sort()
    },
  }
}
