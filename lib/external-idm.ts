/** The core of the plugin and the standalone router: the instances of one conf directory. */
import { randomBytes } from 'node:crypto'
import type { LookupFunction } from 'node:net'
import { dirname } from 'node:path'
import { ConfigDirectory } from './config/files/directory.ts'
import { watchDirectory } from './config/files/watcher.ts'
import { ContentResolver } from './config/values/content-resolver.ts'
import type {
  ChangeCapture,
  ConfigurationService,
  HostProcesses,
  HttpHandler,
  Logger,
  MetricsRegistry,
} from './contract.ts'
import { containedLog } from './core/log.ts'
import type { Scope } from './core/scope.ts'
import { Metrics } from './core/telemetry/metrics.ts'
import { crestHttp } from './crest/http/http.ts'
import { registryOf } from './crest/protocol/connection.ts'
import type { RequestContext, ResourceHandler } from './crest/protocol/request.ts'
import { type ResourceRegistry, ResourceRouter } from './crest/protocol/router.ts'
import type { Surroundings } from './embedded/embedded.ts'
import type { Authorize } from './proxy/authorize.ts'
import { proxyRouter } from './proxy/router.ts'
import { PresentedCertificates } from './remote/check/presented-certificates.ts'
import { Probe } from './remote/check/probe.ts'
import { RemoteMetrics } from './remote/http/instance-metrics.ts'
import { FACTORY_PID, InstanceRegistry } from './remote/instance/registry.ts'
import { addInstanceMetrics } from './remote/instance/registry-metrics.ts'
import { ADDRESS_FIELDS, SECRET_FIELDS } from './remote/properties/properties.ts'
import { remoteResource } from './remote/resource/resource.ts'
import { REQUIRED_IN_SCRIPT_SETTINGS } from './script/main/settings.ts'
import { type ClientCertificateSource, ClientCertificates } from './trust/client-certificates.ts'
import { readPrivateKeys } from './trust/keystore.ts'
import { TrustStore } from './trust/trust-store.ts'
import { type TrustStoreChoice, trustStoreSettings } from './trust/trust-store-settings.ts'

export const ROUTE = 'external/idm'

/** The service that notes changes of remotes. The synchronization that provides it may start after the instances. */
export interface Capturing {
  capture: ChangeCapture | undefined
}

export interface StartOptions {
  readonly confDir: string
  /** The configuration of the host; without it, the directory is read and watched here. */
  readonly configuration: ConfigurationService | undefined
  /** Coordinates the processes of the host. */
  readonly processes?: HostProcesses | undefined
  readonly authorize: Authorize
  /** Whether `request.url` is relative to the mount, in any framework. */
  readonly behindMount: boolean
  /** Trust store options of the application; defaults come from the properties of IDM. */
  readonly truststore?: TrustStoreChoice | undefined
  /** Environment for expressions, keys and forward proxies. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly lookup?: LookupFunction | undefined
  /** Whether the host has set or checked X-ForgeRock-TransactionId. */
  readonly trustTransactionId: boolean
  /** Gets the metrics of the instances. */
  readonly metrics?: MetricsRegistry | undefined
  /** The service that notes changes of remotes; undefined while there is none. */
  readonly capture: () => ChangeCapture | undefined
  readonly contextOf: (request: Parameters<HttpHandler>[0]) => RequestContext
  readonly log: Logger
}

export interface ExternalIdm extends Surroundings {
  readonly registry: InstanceRegistry
  readonly handler: ResourceHandler
  /** For `TRUST_ROUTE`. */
  readonly certificates: ResourceHandler
  readonly router: HttpHandler
  /** Those of its own: `external/idm`. */
  readonly resources: ResourceRegistry
  /** The configuration directory if it is read here. */
  readonly directory: ConfigDirectory | undefined
  readonly configFields: typeof CONFIG_FIELDS
}

/** Starts all options in `scope`; resolves when the first complete set of instances is in force. */
export async function startExternalIdm(scope: Scope, given: StartOptions): Promise<ExternalIdm> {
  const options = { ...given, log: containedLog(given.log) }
  const { log, authorize, behindMount, trustTransactionId } = options
  const resolver = await startResolver(scope, options)
  const trust = await startTrust(scope, options, resolver)
  const registry = startRegistry(scope, options, trust)
  const { directory, configuration } = await configurationOf(scope, options, resolver)
  scope.own('configuration', await configuration.subscribe(registry))
  const handler = remoteResource(registry, trust.paths[0] ?? '', options.capture)
  const resources = new ResourceRouter()
  resources.add(ROUTE, handler)
  const certificates = new PresentedCertificates(registry, trust)
  const status = crestHttp({ router: resources, contextOf: options.contextOf, log })
  // Random, so that neither other gateways nor callers can be mistaken for this one.
  const pseudonym = `openidm-external-idm-${options.processes?.hostId ?? randomBytes(6).toString('hex')}`
  const { capture } = options
  const router = proxyRouter({ registry, authorize, behindMount, status, capture, log, pseudonym, trustTransactionId })
  const surroundings = {
    projectDir: projectOf(options),
    configuration,
    resolver,
    resources: registryOf(resources),
    metrics: options.metrics,
    log,
  }
  return { ...surroundings, registry, handler, certificates, router, directory, configFields: CONFIG_FIELDS }
}

const CONFIG_FIELDS = {
  secretFields: (pid: string) => (pid === FACTORY_PID ? SECRET_FIELDS : []),
  addressFields: (pid: string) => (pid === FACTORY_PID ? ADDRESS_FIELDS : []),
}

const projectOf = ({ confDir }: StartOptions): string => dirname(confDir)

async function startResolver(scope: Scope, options: StartOptions): Promise<ContentResolver> {
  const { confDir, env, log } = options
  const projectDir = projectOf(options)
  const sources = { projectDir, confDir, env, log, readKeystore: readPrivateKeys, ...CONFIG_FIELDS, requiredFields }
  const resolver = scope.own('value sources', new ContentResolver(sources))
  await resolver.start()
  return resolver
}

async function startTrust(scope: Scope, options: StartOptions, resolver: ContentResolver): Promise<TrustStore> {
  const { truststore, log } = options
  const trust = new TrustStore({
    ...trustStoreSettings(resolver.sources, projectOf(options), truststore),
    log,
    watch: (path, listener) => watchDirectory({ dir: dirname(path), log, onEvent: listener }),
  })
  scope.defer('trust store', () => trust.close())
  await trust.start()
  // The password of the trust store may be one of the values.
  scope.own(
    'trust store password',
    resolver.onChange(() => void trust.reload()),
  )
  return trust
}

function startRegistry(scope: Scope, options: StartOptions, trust: TrustStore): InstanceRegistry {
  const { lookup, env, log } = options
  const metrics = new Metrics()
  const renew = () => void registry.renewClientCertificates()
  const certificates = scope.own('client certificates', new ClientCertificates(projectOf(options), log, renew))
  const clientCertificate = (source: ClientCertificateSource) => certificates.read(source)
  const { processes } = options
  const shared = { trust, lookup, env, clientCertificate, processes, metrics: new RemoteMetrics(metrics) }
  const registry = new InstanceRegistry(shared, log, Probe.start)
  addInstanceMetrics(metrics, registry)
  if (options.metrics) scope.own('metrics', metrics.register(options.metrics))
  scope.defer('instances', () => registry.close())
  scope.own(
    'trust changes',
    trust.onChange(() => registry.renewTrust()),
  )
  return registry
}

/** Parts of script.json that only IDM reads need no value. */
const requiredFields = (pid: string) => (pid === 'script' ? REQUIRED_IN_SCRIPT_SETTINGS : undefined)

async function configurationOf(
  scope: Scope,
  { configuration, confDir, log }: StartOptions,
  resolver: ContentResolver,
): Promise<Pick<ExternalIdm, 'configuration' | 'directory'>> {
  if (configuration) return { configuration, directory: undefined }
  const { resolve } = resolver
  const directory = scope.own('conf directory', new ConfigDirectory({ dir: confDir, log, resolve }))
  scope.own(
    'value changes',
    resolver.onChange(() => directory.invalidate()),
  )
  await directory.start()
  return { configuration: directory, directory }
}
