import type { ConfigurationService, Disposable, Logger } from '../contract.ts'
import { Scope } from '../core/scope.ts'
import type { Connection } from '../crest/protocol/connection.ts'
import type { ResourceHandler } from '../crest/protocol/request.ts'
import { LinkCollection } from '../repo/link-collection.ts'
import type { Repository } from '../repo/repository.ts'
import type { ScriptService } from '../script/main/engine.ts'
import type { Replay } from './context/recorded-writes.ts'
import { type ManagedTypes, PrivateFields } from './mapping/private-fields.ts'
import { MappingRegistry } from './mapping/registry.ts'
import { noScripts, scriptRunner } from './mapping/scripts.ts'
import { ReconAuditResource } from './rest/audit-resource.ts'
import { ReconResource } from './rest/recon-resource.ts'
import { type IsServed, SyncResource } from './rest/sync-resource.ts'
import { ReconService } from './runs/recon-service.ts'

export interface SynchronizationParts {
  readonly repository: Repository
  readonly configuration: ConfigurationService
  /** For the mappings' own reads and writes. */
  readonly connection: Connection
  /** For reads of an analysis: the scripts that they reach write nothing. */
  readonly dryConnection: Connection
  /** Makes a recorded write, behind the filters that have seen it. */
  readonly replay: Replay
  /** Absent: mappings with scripts fail, object by object, and say why. */
  readonly scripts: ScriptService | undefined
  readonly isServed: IsServed
  /** The managed types in force: the same array until something changes. */
  readonly managedTypes: ManagedTypes
  readonly log: Logger
}

/** Mappings and reconciliation, ready to be put on a router. */
export interface Synchronization extends Disposable {
  readonly service: ReconService
  /** By route. */
  readonly resources: ReadonlyMap<string, ResourceHandler>
}

/** Resolves when the mappings are in force; runs that a crash interrupted are shown as failed from then on. */
export async function startSynchronization(options: SynchronizationParts): Promise<Synchronization> {
  const { repository, configuration, connection, dryConnection, replay, scripts, isServed, log } = options
  const scope = new Scope(log)
  try {
    const privateFields = new PrivateFields(options.managedTypes)
    const judges = { ...(scripts && { compiler: scripts }), protections: privateFields }
    const mappings = scope.own('mappings', new MappingRegistry(log, judges))
    await mappings.follow(configuration)
    const runner = scripts ? scriptRunner(scripts) : noScripts
    const stores = { runs: repository.runs(), links: repository.links(), sentValues: repository.sentValues() }
    const parts = { mappings, connection, dryConnection, replay, ...stores, scripts: runner, log }
    const service = scope.own('reconciliations', new ReconService(parts))
    await service.begin()
    const resources = new Map<string, ResourceHandler>([
      ['recon', new ReconResource(service, privateFields)],
      ['sync', new SyncResource(parts, isServed)],
      ['audit/recon', new ReconAuditResource(service)],
      ['repo/link', new LinkCollection(parts.links)],
    ])
    return { service, resources, dispose: () => scope.dispose() }
  } catch (error) {
    await scope.dispose()
    throw error
  }
}
