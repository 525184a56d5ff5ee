import './require-node.js'
import { dirname, join } from 'node:path'
import { configurationService, hostProcessesService, type PluginContext } from './contract.ts'
import { Scope } from './core/scope.ts'
import { registryOf } from './crest/protocol/connection.ts'
import type { ResourceHandler } from './crest/protocol/request.ts'
import { type ResourceRegistry, ResourceRouter, resourcesService } from './crest/protocol/router.ts'
import { ROUTE, startExternalIdm } from './external-idm.ts'
import { ScriptEngine, scriptsService } from './script/main/engine.ts'

const MOUNT = '/openidm'

/**
 * Serves the remote instances of the host's `conf/external.idm-*.json` at `/openidm/external/idm/NAME/…`.
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
  const { handler, router } = await startExternalIdm(scope, {
    confDir: context.confDir,
    configuration: context.optionalService(configurationService),
    processes: context.optionalService(hostProcessesService),
    // The host has authenticated the caller and checked its access rules.
    authorize: () => true,
    behindMount: true,
    env: process.env,
    trustTransactionId: true,
    contextOf: () => ({}),
    log: context.log,
  })
  const resources = context.optionalService(resourcesService)
  // Disposed before the instances, so that the route is never served without them and is free for the next activation.
  if (resources) scope.own('resource route', resources.add(ROUTE, handler))
  offerScripts(context, scope, resources ?? registryOf(routerWith(handler)))
  context.registerRouter(MOUNT, () => router)
}

/** Resources for scripts if the host has none. */
function routerWith(handler: ResourceHandler): ResourceRouter {
  const router = new ResourceRouter()
  router.add(ROUTE, handler)
  return router
}

/** Provides scripts if the host has none, without routes: see `scriptResource`. */
function offerScripts(context: PluginContext, scope: Scope, resources: ResourceRegistry): void {
  if (context.optionalService(scriptsService)) return
  const project = dirname(context.confDir)
  const engine = new ScriptEngine({
    directories: [join(project, 'script'), project],
    connect: (caller) => resources.connect(caller),
    log: context.log,
  })
  scope.own('scripts', engine)
  scope.own('service scripts', context.provide(scriptsService, engine))
}
