import {
  type ChangeCapture,
  changeCaptureService,
  changesService,
  type Disposable,
  synchronizationService,
} from '../contract.ts'
import { silentLog } from '../core/log.ts'
import { Scope } from '../core/scope.ts'
import { registryOf } from '../crest/protocol/connection.ts'
import type { ResourceRouter } from '../crest/protocol/router.ts'
import { ChangeCaptures } from '../sync/live/capture/change-captures.ts'
import { LiveMappings } from '../sync/live/live-mappings.ts'
import { type LiveChanges, notifier } from '../sync/live/notifier.ts'
import { PrivateFields } from '../sync/mapping/private-fields.ts'
import { MappingRegistry } from '../sync/mapping/registry.ts'
import { startParticipation } from '../sync/participation.ts'
import { OutageResumes } from '../sync/runs/outage-resumes.ts'
import { resumeInterrupted } from '../sync/runs/resume.ts'
import {
  type StartedSynchronization,
  type SynchronizationOptions,
  startSynchronization,
} from '../sync/synchronization.ts'
import { type DescribedNode, type JoinedCluster, joinCluster } from './cluster/cluster.ts'
import { guardedResources, guardedScripts } from './cluster/guarded-resources.ts'
import type { Settings } from './configuration/settings.ts'
import { queues, reconciliations } from './endpoints/health.ts'
import { ForwardedChanges } from './forwarded-changes.ts'
import type { ServerState } from './http/server-state.ts'
import { Leadership } from './link/leadership.ts'
import type { WorkersLink } from './link/link.ts'
import type { ManagedChanges } from './managed/changes.ts'
import type { ServiceRegistry } from './plugins/services.ts'
import type { Acceptance } from './project/acceptance.ts'
import { judgeSchedules, startSchedules } from './schedules/schedules.ts'

export interface AddSynchronizationOptions
  extends Omit<SynchronizationOptions, 'resources' | 'isMappingHeld' | 'nodes'> {
  readonly router: ResourceRouter
  /** Link to the other processes: one of them runs the synchronization for all. */
  readonly link?: WorkersLink | undefined
  /** This process among those that share a database. */
  readonly node: DescribedNode
  /** Aborts when the gateway begins to stop. */
  readonly signal: AbortSignal
  readonly settings: { readonly value: Pick<Settings, 'resumeRuns'> }
  /** Whether this process carries queued changes out. */
  readonly drains: boolean
  /** Instances are there when the gateway has started. */
  readonly state: Pick<ServerState, 'started'>
  /** Which schedules and mappings of `conf/` wait to be accepted. */
  readonly acceptance: Pick<Acceptance, 'isHeld' | 'isMappingHeld'>
  /** Hands over the changes of managed objects. */
  readonly changes: ManagedChanges
}

type Added = Pick<StartedSynchronization, 'reconcile'> & Disposable

export interface AddedSynchronization extends Added {
  readonly live: LiveChanges
  /** Serves this process, whether it runs the synchronization or not. */
  readonly capture: ChangeCapture
}

/** Provides what plugins may use of it. */
export function provideSynchronization(services: ServiceRegistry, added: AddedSynchronization): void {
  services.provide(synchronizationService, added)
  services.provide(changeCaptureService, added.capture)
  services.provide(
    changesService,
    notifier(() => added.live),
  )
}

type Running = Added & Pick<StartedSynchronization, 'live'>

/**
 * Adds mappings and reconciliation to the router (`recon`, `sync`, `audit/recon`, `repo/link`, `health/recon`) and
 * starts the schedules; with several processes, in the leader, to which the others forward.
 */
export async function addSynchronization(options: AddSynchronizationOptions): Promise<AddedSynchronization> {
  const { link, router, changes, repository, acceptance, signal, log } = options
  const scope = new Scope(log)
  try {
    const isHeld = (mapping: string) => acceptance.isMappingHeld(mapping)
    const { cluster } = repository
    const joined = cluster && scope.own('cluster', await joinCluster({ ...options, cluster }))
    // It ends before others are told that this process has.
    const capturing = { store: repository.captures(), isHeld, signal, log }
    const capture = scope.own('captured changes', new ChangeCaptures(capturing))
    const leader = joined?.link ?? link?.leader
    if (!leader) {
      const running = scope.own('synchronization', await startHere(options, router, capture))
      changes.bind(running.live)
      return { reconcile: running.reconcile, live: running.live, capture, dispose: () => scope.dispose() }
    }
    let judges: Judges | undefined = await judge(options, capture, joined)
    let mappings: LiveMappings = judges.live
    scope.defer('judges', () => judges?.dispose())
    const start = async (routes: Pick<ResourceRouter, 'add'>): Promise<Running> => {
      const running = await startHere(options, routes, capture, joined)
      mappings = running.live
      // What is in force judges from now on, until another process leads.
      await judges?.dispose()
      judges = undefined
      const dispose = async () => {
        if (!signal.aborted) {
          judges = await judge(options, capture, joined)
          mappings = judges.live
        }
        await running.dispose()
      }
      return { ...running, dispose }
    }
    const among = joined ? 'node' : 'worker'
    const leadership = scope.own(
      'leadership',
      await Leadership.join({ link: leader, router, start, signal, among, log }),
    )
    const { live } = leadership
    changes.bind(new ForwardedChanges({ mappings: () => mappings, live, events: repository.events(), log }))
    return {
      reconcile: (mapping, given) => leadership.reconcile(mapping, given),
      live,
      capture,
      dispose: () => scope.dispose(),
    }
  } catch (error) {
    await scope.dispose()
    throw error
  }
}

interface Judges extends Disposable {
  readonly live: LiveMappings
}

/**
 * Judges mappings and schedules, which only the leader has in force: faults are refused and shown in every process. The
 * leader logs them. Where processes share a database, this one carries out rows of runs for the leader.
 */
async function judge(
  options: AddSynchronizationOptions,
  capture: ChangeCaptures,
  joined: JoinedCluster | undefined,
): Promise<Judges> {
  const { configuration, scripts, managedTypes, acceptance, router } = options
  const scope = new Scope()
  const protections = new PrivateFields(managedTypes)
  const isHeld = (mapping: string) => acceptance.isMappingHeld(mapping)
  const judges = { ...(scripts && { compiler: scripts }), protections, isHeld }
  const mappings = scope.own('mappings', new MappingRegistry(silentLog, judges))
  await mappings.follow(configuration)
  capture.follow(mappings)
  scope.own('schedules', await configuration.subscribe(judgeSchedules(scripts)))
  if (joined) {
    const shares = await startParticipation({ ...options, resources: registryOf(router), mappings })
    const participation = scope.own('shared runs', shares)
    joined.calls.onCall((text, signal) => participation.answer(text, signal))
    scope.defer('tasks of shared runs', () => joined.calls.onCall(undefined))
  }
  return { live: new LiveMappings({ mappings, isHeld }), dispose: () => scope.dispose() }
}

/** @param joined where other processes share the database */
async function startHere(
  { router, acceptance, settings, state, drains, ...given }: AddSynchronizationOptions,
  routes: Pick<ResourceRouter, 'add'>,
  capture: ChangeCaptures,
  joined?: JoinedCluster,
): Promise<Running> {
  // The right to lead.
  const lease = joined?.lease
  const fenced = lease && {
    repository: given.repository.fenced(lease),
    scripts: given.scripts && guardedScripts(given.scripts, lease),
  }
  const parts = { ...given, ...fenced }
  const { log, configuration, scripts, repository } = parts
  const scope = new Scope(log)
  try {
    const resources = lease ? guardedResources(registryOf(router), lease) : registryOf(router)
    const isMappingHeld = (mapping: string) => acceptance.isMappingHeld(mapping)
    const nodes = joined?.nodes
    const resumes = new OutageResumes({
      events: repository.events(),
      service: () => started.service,
      isAsked: () => settings.value.resumeRuns && !scope.signal.aborted,
      log,
    })
    const started: StartedSynchronization = scope.own(
      'synchronization',
      await startSynchronization({ ...parts, resources, isMappingHeld, nodes, observers: [resumes] }),
    )
    // Before anything is carried out.
    capture.follow(started.service.parts.mappings)
    for (const [route, handler] of started.resources) scope.own(`route ${route}`, routes.add(route, handler))
    const load = () => started.service.load
    scope.own('route health/recon', routes.add('health/recon', reconciliations(load)))
    scope.own(
      'route health/queue',
      routes.add(
        'health/queue',
        queues(() => started.queue.status()),
      ),
    )
    const isHeld = (schedule: string) => acceptance.isHeld(schedule)
    const running = { router: routes, recon: started.service, scripts, isHeld, isMappingHeld, log }
    const connection = resources.connect()
    scope.own('schedules', await startSchedules({ ...running, repository, configuration, connection }))
    const resume = async () => {
      await state.started
      // A command serves its own requests, and leaves the queue to the gateway.
      if (drains && !scope.signal.aborted) await started.queue.begin()
      if (settings.value.resumeRuns && !scope.signal.aborted) await resumeInterrupted(started.service, log)
    }
    resume().catch((error: unknown) =>
      log.error({ err: error }, 'interrupted reconciliations and queued changes were not resumed'),
    )
    const { live, reconcile } = started
    const { summary } = live
    // Of a command, its output tells.
    if (summary && drains) log[summary.isHeld ? 'warn' : 'info']({}, summary.text)
    return { live, reconcile, dispose: () => scope.dispose() }
  } catch (error) {
    await scope.dispose()
    throw error
  }
}
