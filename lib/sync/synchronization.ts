import type { ConfigurationService, Disposable, Logger, MetricsRegistry, Synchronization } from '../contract.ts'
import { Scope } from '../core/scope.ts'
import type { AuditLog } from '../core/telemetry/audit.ts'
import type { ResourceHandler } from '../crest/protocol/request.ts'
import type { ResourceRegistry } from '../crest/protocol/router.ts'
import { LinkCollection } from '../repo/links/link-collection.ts'
import type { Repository } from '../repo/repository.ts'
import type { ScriptService } from '../script/main/engine.ts'
import { DeletionBrake } from './context/deletion-brake.ts'
import type { RunNodes } from './context/run-nodes.ts'
import { SourceLocks } from './context/source-locks.ts'
import { SweepNeeds } from './live/capture/sweep-needs.ts'
import type { IsHeld } from './live/live-mappings.ts'
import { LiveMetrics } from './live/live-metrics.ts'
import { LiveSync } from './live/live-sync.ts'
import { QueueService } from './live/queue/queue-service.ts'
import { Takeover } from './live/takeover.ts'
import { linkOwners } from './mapping/link-owners.ts'
import { type ManagedTypes, PrivateFields } from './mapping/private-fields.ts'
import { MappingRegistry } from './mapping/registry.ts'
import { noScripts, scriptRunner } from './mapping/scripts.ts'
import { InstanceAddresses } from './plan/instance-addresses.ts'
import { reconciler } from './reconcile.ts'
import { ReconAuditResource } from './rest/audit-resource.ts'
import { DEAD_LETTERS, DeadLetterResource } from './rest/dead-letter-resource.ts'
import { QueueResource } from './rest/queue-resource.ts'
import { ReconResource } from './rest/recon-resource.ts'
import { RunAudit } from './rest/run-audit.ts'
import { SyncResource } from './rest/sync-resource.ts'
import { ReconService } from './runs/recon-service.ts'
import { RunMetrics } from './runs/run-metrics.ts'
import { observersOf, type RunObserver } from './runs/run-observer.ts'
import { digestSources, runServices } from './services.ts'

export interface SynchronizationOptions {
  readonly repository: Repository
  readonly configuration: ConfigurationService
  /** What mappings read and write. */
  readonly resources: Omit<ResourceRegistry, 'add'>
  /** Absent: objects of mappings with scripts fail. */
  readonly scripts: ScriptService | undefined
  /** Whether a mapping is faulty while no route serves its two resources. Otherwise each of its runs fails. */
  readonly requiresRoutes?: boolean
  /** The managed types in force: the same array until something changes. */
  readonly managedTypes: ManagedTypes
  /** Which mappings wait to be accepted. */
  readonly isMappingHeld?: IsHeld | undefined
  /** The processes that share the work of runs; absent: this one carries out all. */
  readonly nodes?: RunNodes | undefined
  readonly metrics?: MetricsRegistry | undefined
  readonly audit?: AuditLog | undefined
  readonly observers?: readonly RunObserver[] | undefined
  readonly log: Logger
}

/** Mappings and reconciliation with their resources. */
export interface StartedSynchronization extends Synchronization, Disposable {
  readonly service: ReconService
  readonly live: LiveSync
  /** Carries nothing out before `begin`. */
  readonly queue: QueueService
  /** By route. */
  readonly resources: ReadonlyMap<string, ResourceHandler>
}

/** Resolves when the mappings are in force, and runs that a crash interrupted are marked as failed. */
export async function startSynchronization(options: SynchronizationOptions): Promise<StartedSynchronization> {
  const { repository, configuration, resources, scripts, requiresRoutes = false, log } = options
  const isServed = (path: string) => resources.routes(path)
  const scope = new Scope(log)
  try {
    const privateFields = new PrivateFields(options.managedTypes)
    const judges = {
      ...(scripts && { compiler: scripts }),
      protections: privateFields,
      ...(requiresRoutes && { isServed }),
      ...(options.isMappingHeld && { isHeld: options.isMappingHeld }),
    }
    const mappings = scope.own('mappings', new MappingRegistry(log, judges))
    await mappings.follow(configuration)
    const runner = scripts ? scriptRunner(scripts) : noScripts
    const services = runServices({ repository, resources, runner, log })
    const { runs, links, events } = services
    const addresses = new InstanceAddresses()
    scope.own('addresses of instances', await configuration.subscribe(addresses))
    const digests = digestSources(scripts, addresses)
    const isConfigured = (name: string) => mappings.find(name) !== undefined
    const metrics = options.metrics && scope.own('metrics', new RunMetrics(options.metrics, isConfigured))
    const { audit } = options
    const sweeps = new SweepNeeds({ store: repository.captures(), runs, mappings, log })
    const audits = audit ? [new RunAudit({ audit, runs, mappings, privateFields, log })] : []
    const observer = observersOf([...audits, sweeps, ...(options.observers ?? [])])
    const locks = new SourceLocks()
    const jobs = repository.jobs()
    const brake = new DeletionBrake({ events, links, log })
    const parts = { mappings, metrics, observer, digests, ...services, locks, brake, nodes: options.nodes }
    const service = scope.own('reconciliations', new ReconService(parts))
    await service.begin()
    const measured = options.metrics && scope.own('metrics of changes', new LiveMetrics(options.metrics))
    const isHeld = options.isMappingHeld
    const live = new LiveSync({ parts, isHeld, events, metrics: measured, log })
    const takeover = new Takeover({ repository, live, log })
    await takeover.captures()
    const queued = {
      live,
      mappings,
      events,
      jobs,
      agreements: services.agreements,
      takeover,
      brake,
      scripts: runner,
      isHeld,
      metrics: options.metrics,
      log,
    }
    const queue = scope.own('queued synchronization', new QueueService(queued))
    const hidden = { hidden: privateFields }
    const recon = new ReconResource(service, privateFields)
    const served = new Map<string, ResourceHandler>([
      ['recon', recon],
      ['sync', new SyncResource(parts, isServed, recon, live, sweeps)],
      ['sync/queue', new QueueResource({ service: queue, ...hidden })],
      [DEAD_LETTERS, new DeadLetterResource({ events, ...hidden })],
      ['audit/recon', new ReconAuditResource(service, privateFields)],
      [
        'repo/link',
        new LinkCollection(
          parts.links,
          linkOwners(mappings, (name) => service.isRunning(name)),
        ),
      ],
    ])
    return { service, live, queue, resources: served, reconcile: reconciler(service), dispose: () => scope.dispose() }
  } catch (error) {
    await scope.dispose()
    throw error
  }
}
