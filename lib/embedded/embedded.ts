/** What a host gets beside the proxy: scripts, mappings and their configuration, for its code and over HTTP. */
import { join } from 'node:path'
import type { ConfigDirectory } from '../config/files/directory.ts'
import { type ConfigResourceOptions, configResource } from '../config/rest/resource.ts'
import type { ContentResolver } from '../config/values/content-resolver.ts'
import { KeyWrapper } from '../config/values/crypto/key-wrapper.ts'
import { keySource } from '../config/values/first-key.ts'
import type {
  AuthorizeManagement,
  ChangeCapture,
  ConfigurationService,
  Disposable,
  HttpHandler,
  Logger,
  MetricsRegistry,
  Synchronization,
} from '../contract.ts'
import { Scope } from '../core/scope.ts'
import { serviceUnavailable } from '../crest/errors.ts'
import type { ResourceHandler } from '../crest/protocol/request.ts'
import { type ResourceRegistry, ResourceRouter } from '../crest/protocol/router.ts'
import { FACTORY_PID } from '../remote/instance/registry.ts'
import { ConfiguredEngine } from '../script/configured/engine.ts'
import type { ScriptService } from '../script/main/engine.ts'
import { scriptResource, transformer } from '../script/rest/resource.ts'
import { ChangeCaptures } from '../sync/live/capture/change-captures.ts'
import type { LiveChanges } from '../sync/live/notifier.ts'
import { startSynchronization } from '../sync/synchronization.ts'
import { managementRouter } from './management-router.ts'
import { openOwnedRepository } from './owned-repository.ts'

export interface Surroundings {
  /** Absolute; with `script/` and `security/` beside the configuration directory. */
  readonly projectDir: string
  readonly configuration: ConfigurationService
  readonly resolver: ContentResolver
  /** What scripts and mappings use. */
  readonly resources: ResourceRegistry
  readonly metrics?: MetricsRegistry | undefined
  readonly log: Logger
}

/** Starts the script engine of a host that has none. */
export async function startScripts(scope: Scope, surroundings: Surroundings): Promise<ScriptService> {
  const { resources, configuration, ...options } = surroundings
  const configured = new ConfiguredEngine({ ...options, connect: (caller) => resources.connect(caller) })
  scope.own('scripts', configured)
  await configured.follow(configuration)
  return configured.engine
}

export interface EmbeddedSynchronizationOptions extends Surroundings {
  readonly scripts: ScriptService
  /** Absolute path of the database. */
  readonly db: string
  /** See SynchronizationOptions. */
  readonly requiresRoutes: boolean
}

export interface EmbeddedSynchronization extends Synchronization, Disposable {
  /** Carries changes over that the host reports. */
  readonly live: LiveChanges
  /** Notes what requests change at the remotes. */
  readonly capture: ChangeCapture
  /** By route. */
  readonly resources: ReadonlyMap<string, ResourceHandler>
}

/** Starts mappings and reconciliation with a database that no other process uses. @throws Error if another one does */
export async function startEmbeddedSynchronization({
  db,
  ...options
}: EmbeddedSynchronizationOptions): Promise<EmbeddedSynchronization> {
  const scope = new Scope(options.log)
  try {
    const { projectDir, resolver, metrics, log } = options
    const keys = new KeyWrapper(keySource(join(projectDir, 'security'), resolver, log))
    const repository = await openOwnedRepository(scope, { file: db, keys, metrics, log })
    // A host has no managed objects.
    const managedTypes = () => NO_TYPES
    const started = await startSynchronization({ ...options, repository, managedTypes })
    const { reconcile, live, resources, queue, service } = scope.own('synchronization', started)
    const { mappings } = service.parts
    const capturing = { store: repository.captures(), mappings, signal: scope.signal, log }
    const capture = scope.own('captured changes', new ChangeCaptures(capturing))
    await queue.begin()
    return { reconcile, live, resources, capture, dispose: () => scope.dispose() }
  } catch (error) {
    await scope.dispose()
    throw error
  }
}

const NO_TYPES: readonly never[] = []

export interface ManagementOptions extends Surroundings {
  readonly authorize: AuthorizeManagement
  readonly synchronization: Pick<EmbeddedSynchronization, 'resources'> | undefined
  /** Absent: the host has its own `config`. */
  readonly directory: ConfigDirectory | undefined
  readonly configFields: Pick<ConfigResourceOptions, 'secretFields' | 'addressFields'>
  /** The engine of `script?_action=eval`; absent: it is not served. */
  readonly evaluator: ScriptService | undefined
  /** See ManagementRouterOptions. */
  readonly behindMount: boolean
}

/** Adds the management routes to the resources, except those that the host has, and serves them over HTTP. */
export function serveManagement(scope: Scope, options: ManagementOptions): HttpHandler {
  const { synchronization, directory, evaluator, resources, log } = options
  const all = new Map(synchronization?.resources)
  if (directory) all.set('config', configOf(directory, options))
  if (evaluator)
    all.set(
      'script',
      scriptResource(evaluator, () => true),
    )
  const own = [...all].filter(([route]) => !resources.routes(route))
  const router = new ResourceRouter()
  for (const [route, handler] of own) {
    scope.own(`route ${route}`, resources.add(route, handler))
    router.add(route, handler)
  }
  const routes = own.map(([route]) => route)
  const { authorize, behindMount } = options
  const assertOpen = () => {
    if (scope.signal.aborted) throw serviceUnavailable('The remote instances are closed: the gateway is about to stop')
  }
  return managementRouter({ router, routes, authorize, behindMount, assertOpen, log })
}

function configOf(
  directory: ConfigDirectory,
  { resolver: values, configFields, evaluator, synchronization, log }: ManagementOptions,
): ResourceHandler {
  const pids = new Set([FACTORY_PID, ...(synchronization ? ['sync', 'mapping'] : [])])
  const transform = evaluator && transformer(evaluator)
  return configResource(directory, { ...configFields, values, pids, transform, log })
}
