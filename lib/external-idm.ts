/** What the plugin and the router for plain applications have in common: the instances of one conf directory. */
import { randomBytes } from 'node:crypto'
import type { LookupFunction } from 'node:net'
import { dirname } from 'node:path'
import { ConfigDirectory } from './config/directory.ts'
import { watchDirectory } from './config/watcher.ts'
import type { ConfigurationService, HttpHandler, Logger } from './contract.ts'
import { crestHttp } from './crest/http.ts'
import type { RequestContext, ResourceHandler } from './crest/request.ts'
import { ResourceRouter } from './crest/router.ts'
import type { Authorize } from './proxy/authorize.ts'
import { proxyRouter } from './proxy/router.ts'
import { InstanceRegistry } from './remote/registry.ts'
import { remoteResource } from './remote/resource.ts'
import { TrustStore } from './trust/trust-store.ts'
import type { Scope } from './util/scope.ts'

export const ROUTE = 'external/idm'

export interface ExternalIdmParts {
  readonly confDir: string
  /** The host's configuration; without one the directory is read and watched by ourselves. */
  readonly configuration: ConfigurationService | undefined
  readonly authorize: Authorize
  /** True when `request.url` begins behind the mount, whatever the framework. */
  readonly behindMount: boolean
  /** `security/truststore`. */
  readonly truststore: string
  readonly lookup?: LookupFunction | undefined
  /** Whether X-ForgeRock-TransactionId was set or checked by the host. */
  readonly trustTransactionId: boolean
  readonly contextOf: (request: Parameters<HttpHandler>[0]) => RequestContext
  readonly log: Logger
}

export interface ExternalIdm {
  readonly registry: InstanceRegistry
  readonly handler: ResourceHandler
  readonly router: HttpHandler
}

/** Starts everything in `scope`; resolves when the first complete set of instances is in force. */
export async function startExternalIdm(scope: Scope, parts: ExternalIdmParts): Promise<ExternalIdm> {
  const { log, authorize, behindMount, trustTransactionId, lookup } = parts
  const trust = await startTrust(scope, parts)
  const registry = new InstanceRegistry({ trust, lookup }, log)
  scope.defer('instances', () => registry.close())
  scope.own(
    'trust changes',
    trust.onChange(() => registry.renewTrust()),
  )
  scope.own('configuration', await (await configurationOf(scope, parts)).subscribe(registry))
  const handler = remoteResource(registry, parts.truststore)
  const resources = new ResourceRouter()
  resources.add(ROUTE, handler)
  const status = crestHttp({ router: resources, contextOf: parts.contextOf, log })
  // Random, so that neither another gateway nor a caller can be taken for us.
  const pseudonym = `openidm-external-idm-${randomBytes(6).toString('hex')}`
  const router = proxyRouter({ registry, authorize, behindMount, status, log, pseudonym, trustTransactionId })
  return { registry, handler, router }
}

async function startTrust(scope: Scope, { truststore, log }: ExternalIdmParts): Promise<TrustStore> {
  const trust = new TrustStore({
    path: truststore,
    systemRoots: true,
    log,
    watch: (path, listener) => watchDirectory({ dir: dirname(path), log, onEvent: listener }),
  })
  scope.defer('trust store', () => trust.close())
  await trust.start()
  return trust
}

async function configurationOf(
  scope: Scope,
  { configuration, confDir, log }: ExternalIdmParts,
): Promise<ConfigurationService> {
  if (configuration) return configuration
  const directory = scope.own('conf directory', new ConfigDirectory({ dir: confDir, log }))
  await directory.start()
  return directory
}
