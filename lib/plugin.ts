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
 * Makes the remote instances of the host's `conf/external.idm-*.json` resources of the host, at
 * `/openidm/external/idm/NAME/…`.
 * @throws Error when the host does not promise to authenticate what reaches the mount: the instances carry
 * administrators' credentials (docs/pitfalls.md#open-router)
 */
export async function activate(context: PluginContext): Promise<void> {
  if (!context.authenticates(MOUNT)) {
    throw new Error(
      `${context.id}: this host does not promise to authenticate requests on ${MOUNT}; without that anyone could use ` +
        'the credentials of the remote instances',
    )
  }
  const scope = new Scope(context.log)
  context.defer('remote instances', () => scope.dispose())
  const { handler, router } = await startExternalIdm(scope, {
    confDir: context.confDir,
    configuration: context.optionalService(configurationService),
    processes: context.optionalService(hostProcessesService),
    // The host has authenticated the caller and asked its access rules before the request came here.
    authorize: () => true,
    behindMount: true,
    env: process.env,
    trustTransactionId: true,
    contextOf: () => ({}),
    log: context.log,
  })
  const resources = context.optionalService(resourcesService)
  // Withdrawn before the instances go: nobody finds a route that leads nowhere, and the next activation finds it free.
  if (resources) scope.own('resource route', resources.add(ROUTE, handler))
  offerScripts(context, scope, resources ?? registryOf(routerWith(handler)))
  context.registerRouter(MOUNT, () => router)
}

/** Where the host has no resources, scripts see those of the plugin. */
function routerWith(handler: ResourceHandler): ResourceRouter {
  const router = new ResourceRouter()
  router.add(ROUTE, handler)
  return router
}

/** Scripts, for a host that has none of its own. It gets no routes for them: see `scriptResource`. */
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
