import type { ConfigurationService, Disposable, Logger } from '../contract.ts'
import { Scope } from '../core/scope.ts'
import type { Connection } from '../crest/protocol/connection.ts'
import type { ResourceHandler } from '../crest/protocol/request.ts'
import { LinkCollection } from '../repo/links/link-collection.ts'
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

export interface SynchronizationOptions {
  readonly repository: Repository
  readonly configuration: ConfigurationService
  /** For the reads and writes of mappings. */
  readonly connection: Connection
  /** For the reads of an analysis: scripts that they trigger write nothing. */
  readonly dryConnection: Connection
  /** Executes a recorded write, without the filters that have seen it when it was recorded. */
  readonly replay: Replay
  /** Absent: objects of mappings with scripts fail. */
  readonly scripts: ScriptService | undefined
  readonly isServed: IsServed
  /** The managed types in force: the same array until something changes. */
  readonly managedTypes: ManagedTypes
  readonly log: Logger
}

/** Mappings and reconciliation with their resources. */
export interface Synchronization extends Disposable {
  readonly service: ReconService
  /** By route. */
  readonly resources: ReadonlyMap<string, ResourceHandler>
}

/** Resolves when the mappings are in force, and runs that a crash interrupted are marked as failed. */
export async function startSynchronization(options: SynchronizationOptions): Promise<Synchronization> {
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
    const recon = new ReconResource(service, privateFields)
    const resources = new Map<string, ResourceHandler>([
      ['recon', recon],
      ['sync', new SyncResource(parts, isServed, recon)],
      ['audit/recon', new ReconAuditResource(service)],
      ['repo/link', new LinkCollection(parts.links)],
    ])
    return { service, resources, dispose: () => scope.dispose() }
  } catch (error) {
    await scope.dispose()
    throw error
  }
}
