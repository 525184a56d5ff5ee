import { configurationService, hostProcessesService, type PluginContext } from './contract.ts'
import { resourcesService } from './crest/router.ts'
import { ROUTE, startExternalIdm } from './external-idm.ts'
import { Scope } from './util/scope.ts'

const MOUNT = '/openidm'

/**
 * Makes the remote instances of the host's `conf/external.idm-*.json` resources of the host, at
 * `/openidm/external/idm/NAME/…`.
 * @throws Error when the host does not promise to authenticate what reaches the mount: the instances carry
 * administrators' credentials (pitfall H11)
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
  context.registerRouter(MOUNT, () => router)
}
