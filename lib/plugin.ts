import './require-node.js'
import { join } from 'node:path'
import {
  changeCaptureService,
  changesService,
  configurationService,
  hostProcessesService,
  managementAccessService,
  metricsService,
  type PluginContext,
  type Synchronization,
  synchronizationService,
} from './contract.ts'
import { Scope } from './core/scope.ts'
import { notSupported, serviceUnavailable } from './crest/errors.ts'
import { resourcesService } from './crest/protocol/router.ts'
import {
  type EmbeddedSynchronization,
  type EmbeddedSynchronizationOptions,
  type Surroundings,
  serveManagement,
  startEmbeddedSynchronization,
  startScripts,
} from './embedded/embedded.ts'
import { type Capturing, ROUTE, startExternalIdm } from './external-idm.ts'
import { TRUST_ROUTE } from './remote/check/presented-certificates.ts'
import { type ScriptService, scriptsService } from './script/main/engine.ts'
import { notifier } from './sync/live/notifier.ts'

const MOUNT = '/openidm'
/** In the project, beside the configuration directory. */
const DATABASE = 'db/openidm.db'

/**
 * Serves the remote instances of the host's `conf/external.idm-*.json` at `/openidm/external/idm/NAME/…`, and provides
 * configuration, scripts and synchronization if the host has none.
 * @throws Error if the host does not guarantee authentication on the mount: the instances hold administrator
 * credentials (docs/pitfalls.md#open-router)
 */
export async function activate(context: PluginContext): Promise<void> {
  if (!context.authenticates(MOUNT)) {
    throw new Error(
      `${context.id}: this host does not guarantee authentication on ${MOUNT}; without it, anyone could use ` +
        'the credentials of the remote instances',
    )
  }
  const scope = new Scope(context.log)
  context.defer('remote instances', () => scope.dispose())
  const capturing: Capturing = { capture: context.optionalService(changeCaptureService) }
  const started = await startExternalIdm(scope, {
    confDir: context.confDir,
    configuration: context.optionalService(configurationService),
    processes: context.optionalService(hostProcessesService),
    metrics: context.optionalService(metricsService),
    // The host has authenticated the caller and checked its access rules.
    authorize: () => true,
    behindMount: true,
    env: process.env,
    trustTransactionId: true,
    capture: () => capturing.capture,
    contextOf: () => ({}),
    log: context.log,
  })
  const { handler, certificates, router, directory } = started
  const shared = context.optionalService(resourcesService)
  // Disposed before the instances, so that the route is never served without them and is free for the next activation.
  if (shared) scope.own('resource route', shared.add(ROUTE, handler))
  if (shared) scope.own('route of certificates', shared.add(TRUST_ROUTE, certificates))
  const surroundings = { ...started, resources: shared ?? started.resources }
  if (directory) scope.own('service configuration', context.provide(configurationService, directory))
  const scripts = await scriptsOf(context, scope, surroundings)
  const synchronization = await synchronizationOf(context, scope, capturing, {
    ...{ ...surroundings, scripts, requiresRoutes: shared === undefined },
    db: join(started.projectDir, DATABASE),
  })
  context.registerRouter(MOUNT, () => router)
  const access = context.optionalService(managementAccessService)
  if (!access) return
  const authorize = access.authorize.bind(access)
  const served = { ...surroundings, synchronization, evaluator: undefined, authorize, behindMount: true }
  const management = serveManagement(scope, served)
  context.registerRouter(MOUNT, () => management)
}

/** The host's engine, or one that this plugin provides. */
async function scriptsOf(context: PluginContext, scope: Scope, surroundings: Surroundings): Promise<ScriptService> {
  const own = context.optionalService(scriptsService)
  if (own) return own
  const engine = await startScripts(scope, surroundings)
  scope.own('service scripts', context.provide(scriptsService, engine))
  return engine
}

/**
 * Provides synchronization if the host has none. It starts with its routes, which a host asks for with its access rules, or
 * with the first reconciliation: only then does this process own the database.
 * @returns what to serve
 */
async function synchronizationOf(
  context: PluginContext,
  scope: Scope,
  capturing: Capturing,
  options: EmbeddedSynchronizationOptions,
): Promise<EmbeddedSynchronization | undefined> {
  if (context.optionalService(synchronizationService)) {
    const missing = () => Promise.reject(notSupported('The synchronization of this host takes no changes'))
    const own = context.optionalService(changesService)
    if (!own) scope.own('service changes', context.provide(changesService, { notify: missing }))
    return undefined
  }
  let starting: Promise<EmbeddedSynchronization> | undefined
  const start = async () => {
    if (scope.signal.aborted) throw serviceUnavailable('Synchronization has been stopped')
    const own = scope.own('synchronization', await startEmbeddedSynchronization(options))
    capturing.capture ??= own.capture
    return own
  }
  const started = () => {
    starting ??= start().catch((error: unknown) => {
      starting = undefined
      throw error
    })
    return starting
  }
  const service: Synchronization = { reconcile: async (mapping, given) => (await started()).reconcile(mapping, given) }
  const served = context.optionalService(managementAccessService) ? await started() : undefined
  scope.own('service sync', context.provide(synchronizationService, service))
  const changes = notifier(async () => (await started()).live)
  scope.own('service changes', context.provide(changesService, changes))
  return served
}
