/** What the plugin and the router for plain applications have in common: the instances of one conf directory. */
import { randomBytes } from 'node:crypto'
import type { LookupFunction } from 'node:net'
import { dirname } from 'node:path'
import { ConfigDirectory } from './config/files/directory.ts'
import { watchDirectory } from './config/files/watcher.ts'
import { ContentResolver } from './config/values/content-resolver.ts'
import type { ConfigurationService, HostProcesses, HttpHandler, Logger } from './contract.ts'
import { containedLog } from './core/log.ts'
import type { Scope } from './core/scope.ts'
import { crestHttp } from './crest/http/http.ts'
import type { RequestContext, ResourceHandler } from './crest/protocol/request.ts'
import { ResourceRouter } from './crest/protocol/router.ts'
import type { Authorize } from './proxy/authorize.ts'
import { proxyRouter } from './proxy/router.ts'
import { FACTORY_PID, InstanceRegistry } from './remote/instance/registry.ts'
import { ADDRESS_FIELDS, SECRET_FIELDS } from './remote/properties/properties.ts'
import { remoteResource } from './remote/resource/resource.ts'
import { type ClientCertificateSource, ClientCertificates } from './trust/client-certificates.ts'
import { readPrivateKeys } from './trust/keystore.ts'
import { TrustStore } from './trust/trust-store.ts'
import { type TrustStoreChoice, trustStoreSettings } from './trust/trust-store-settings.ts'

export const ROUTE = 'external/idm'

export interface ExternalIdmParts {
  readonly confDir: string
  /** The host's configuration; without one the directory is read and watched by ourselves. */
  readonly configuration: ConfigurationService | undefined
  /** The other processes of the host. */
  readonly processes?: HostProcesses | undefined
  readonly authorize: Authorize
  /** True when `request.url` begins behind the mount, whatever the framework. */
  readonly behindMount: boolean
  /** What the application says of the trust store; the rest comes from IDM's own properties. */
  readonly truststore?: TrustStoreChoice | undefined
  /** Where expressions, keys and forward proxies come from. */
  readonly env: Readonly<Record<string, string | undefined>>
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
export async function startExternalIdm(scope: Scope, given: ExternalIdmParts): Promise<ExternalIdm> {
  const parts = { ...given, log: containedLog(given.log) }
  const { log, authorize, behindMount, trustTransactionId } = parts
  const resolver = await startResolver(scope, parts)
  const trust = await startTrust(scope, parts, resolver)
  const registry = startRegistry(scope, parts, trust)
  scope.own('configuration', await (await configurationOf(scope, parts, resolver)).subscribe(registry))
  const handler = remoteResource(registry, trust.paths[0] ?? '')
  const resources = new ResourceRouter()
  resources.add(ROUTE, handler)
  const status = crestHttp({ router: resources, contextOf: parts.contextOf, log })
  // Random, so that neither another gateway nor a caller can be taken for us.
  const pseudonym = `openidm-external-idm-${parts.processes?.hostId ?? randomBytes(6).toString('hex')}`
  const router = proxyRouter({ registry, authorize, behindMount, status, log, pseudonym, trustTransactionId })
  return { registry, handler, router }
}

const projectOf = ({ confDir }: ExternalIdmParts): string => dirname(confDir)

async function startResolver(scope: Scope, parts: ExternalIdmParts): Promise<ContentResolver> {
  const { confDir, env, log } = parts
  const projectDir = projectOf(parts)
  const secretFields = (pid: string) => (pid === FACTORY_PID ? SECRET_FIELDS : [])
  const addressFields = (pid: string) => (pid === FACTORY_PID ? ADDRESS_FIELDS : [])
  const options = { projectDir, confDir, env, log, readKeystore: readPrivateKeys, secretFields, addressFields }
  const resolver = scope.own('value sources', new ContentResolver(options))
  await resolver.start()
  return resolver
}

async function startTrust(scope: Scope, parts: ExternalIdmParts, resolver: ContentResolver): Promise<TrustStore> {
  const { truststore, log } = parts
  const trust = new TrustStore({
    ...trustStoreSettings(resolver.sources, projectOf(parts), truststore),
    log,
    watch: (path, listener) => watchDirectory({ dir: dirname(path), log, onEvent: listener }),
  })
  scope.defer('trust store', () => trust.close())
  await trust.start()
  // Its password may be one of the values.
  scope.own(
    'trust store password',
    resolver.onChange(() => void trust.reload()),
  )
  return trust
}

function startRegistry(scope: Scope, parts: ExternalIdmParts, trust: TrustStore): InstanceRegistry {
  const { lookup, env, log } = parts
  const renew = () => void registry.renewClientCertificates()
  const certificates = scope.own('client certificates', new ClientCertificates(projectOf(parts), log, renew))
  const clientCertificate = (source: ClientCertificateSource) => certificates.read(source)
  const registry = new InstanceRegistry({ trust, lookup, env, clientCertificate, processes: parts.processes }, log)
  scope.defer('instances', () => registry.close())
  scope.own(
    'trust changes',
    trust.onChange(() => registry.renewTrust()),
  )
  return registry
}

async function configurationOf(
  scope: Scope,
  { configuration, confDir, log }: ExternalIdmParts,
  resolver: ContentResolver,
): Promise<ConfigurationService> {
  if (configuration) return configuration
  const { resolve } = resolver
  const directory = scope.own('conf directory', new ConfigDirectory({ dir: confDir, log, resolve }))
  scope.own(
    'value changes',
    resolver.onChange(() => directory.invalidate()),
  )
  await directory.start()
  return directory
}
