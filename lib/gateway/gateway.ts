import type { IncomingMessage } from 'node:http'
import { configResource } from '../config/rest/resource.ts'
import { keySource } from '../config/values/first-key.ts'
import { type ConfigurationFileFault, configurationService, hostProcessesService, metricsService } from '../contract.ts'
import { Scope } from '../core/scope.ts'
import type { Secret } from '../core/secret.ts'
import { crestHttp } from '../crest/http/http.ts'
import { type Connection, connect, registryOf } from '../crest/protocol/connection.ts'
import { ResourceRouter, resourcesService } from '../crest/protocol/router.ts'
import { prepareRepository } from '../repo/open.ts'
import { scriptsService } from '../script/main/engine.ts'
import { transformer } from '../script/rest/resource.ts'
import { staticUsers } from './access/administrator.ts'
import { Authentication } from './access/authentication.ts'
import { IntrospectionClient } from './access/introspection.ts'
import { LocalAccess } from './access/local-access.ts'
import { underModules } from './access/login-modules.ts'
import { LoginThrottle } from './access/login-throttle.ts'
import type { PasswordStore } from './access/password-store.ts'
import { TokenIdentities } from './access/token-identities.ts'
import { GatewayAudit } from './audit/gateway-audit.ts'
import { acceptanceOf, ownedBy } from './configuration/acceptance-of.ts'
import { defaultConfiguration } from './configuration/default-configuration.ts'
import { HostConfiguration } from './configuration/host-configuration.ts'
import { repositoryPlace } from './configuration/repository-settings.ts'
import { addEndpoints } from './endpoints/endpoints.ts'
import { GatewayNodes } from './endpoints/nodes.ts'
import { apiDescription } from './http/api-description.ts'
import { addInfo } from './http/info.ts'
import { Listeners } from './http/listeners.ts'
import { OpenidmMount } from './http/openidm-mount.ts'
import { readinessProbe } from './http/readiness.ts'
import { requestContext } from './http/request-record.ts'
import { runStreams } from './http/run-streams.ts'
import { createServer } from './http/server.ts'
import { ServerState } from './http/server-state.ts'
import type { WorkersLink } from './link/link.ts'
import { GatewayMetrics } from './metrics/gateway-metrics.ts'
import { openObjects, type StoredObjects } from './objects.ts'
import { PluginHost } from './plugins/host.ts'
import { ServiceRegistry } from './plugins/services.ts'
import type { Acceptance } from './project/acceptance.ts'
import { type HostLog, withoutNotices } from './project/log.ts'
import { packageVersion } from './project/package-info.ts'
import { type Project, readServerCertificate } from './project/project.ts'
import { RecentErrors } from './project/recent-errors.ts'
import { Scripting } from './scripts/scripts.ts'
import { addSynchronization, provideSynchronization } from './synchronization.ts'

export interface GatewayOptions {
  readonly project: Project
  readonly host: string
  /** Port for HTTP; 0 = any free port, absent = no HTTP. */
  readonly port?: number
  /** Port for HTTPS; requires a certificate and key in the project's `security/`. */
  readonly httpsPort?: number
  /** Folders with a `plugin.json`. */
  readonly plugins: readonly string[]
  readonly administratorPassword: Secret
  /** Environment for expressions, keys and settings. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly log: HostLog
  /** Link to the other worker processes; absent in a single-process gateway. */
  readonly link?: WorkersLink | undefined
  /** Opens a listener on loopback for commands that present this token. */
  readonly localToken?: Secret | undefined
}

/** The reference gateway, serving one project directory. */
export class Gateway {
  readonly #options: GatewayOptions
  readonly #scope: Scope
  readonly #stopping = new AbortController()
  readonly #state = new ServerState()
  readonly #router = new ResourceRouter()
  readonly #services = new ServiceRegistry()
  readonly #recent = new RecentErrors()
  readonly #configuration: HostConfiguration
  readonly #nodes: GatewayNodes
  readonly #metrics: GatewayMetrics
  readonly #audit: GatewayAudit
  readonly #scripting: Scripting
  readonly #acceptance: Acceptance
  readonly #mount: OpenidmMount
  readonly #plugins: PluginHost
  readonly #stores: PasswordStore[]
  #listeners: Listeners | undefined
  readonly #local: LocalAccess | undefined
  #stopped: Promise<void> | undefined

  /** The scope cleans up in reverse order, so plugins are disposed before the services they use. */
  private constructor(options: GatewayOptions) {
    const log = this.#recent.follow(withoutNotices(options.log, () => this.#state.name === 'STARTING'))
    const { project } = options
    this.#options = { ...options, log }
    this.#stores = staticUsers(options.administratorPassword)
    this.#local = options.localToken && new LocalAccess(options.localToken)
    this.#scope = new Scope(log)
    const secretFields = (pid: string) => this.#plugins.secretFields(pid)
    const addressFields = (pid: string) => this.#plugins.addressFields(pid)
    this.#configuration = this.#scope.own(
      'configuration',
      new HostConfiguration({ project, env: options.env ?? process.env, log, secretFields, addressFields }),
    )
    this.#nodes = new GatewayNodes(this.#configuration, () => this.#listeners?.load, options.link)
    const health = { state: this.#state, configuration: this.#configuration, router: this.#router }
    this.#metrics = new GatewayMetrics({ ...health, others: options.link })
    const audited = { setting: this.#configuration.audit, projectDir: project.dir, others: options.link }
    this.#audit = this.#scope.own('audit', new GatewayAudit({ ...audited, metrics: this.#metrics, log }))
    this.#scripting = this.#scope.own('scripts', this.#createScripting())
    this.#acceptance = acceptanceOf(project, this.#configuration, log)
    const authentication = this.#createAuthentication()
    const contextOf = (request: IncomingMessage) => requestContext(request, authentication)
    const streams = { ...health, authentication, signal: this.#stopping.signal }
    this.#mount = new OpenidmMount({
      state: this.#state,
      authentication,
      access: () => this.#configuration.access.value,
      resources: crestHttp({ router: this.#router, contextOf, log }),
      isFiltered: (path) => this.#scripting.filters.covers(path),
      pages: [this.#metrics.handler, readinessProbe(health), apiDescription(health), runStreams(streams)],
      audit: this.#audit,
      log,
    })
    this.#plugins = this.#scope.own('plugins', this.#createPluginHost())
  }

  /**
   * Resolves when the configuration is in force, the plugins are active and requests are served.
   * @throws StartError when it cannot start; everything already started is disposed first
   */
  static async start(options: GatewayOptions): Promise<Gateway> {
    const gateway = new Gateway(options)
    try {
      await gateway.#start()
      return gateway
    } catch (error) {
      await gateway.#scope.dispose()
      throw error
    }
  }

  /** Such as `http://127.0.0.1:8080`, HTTP first. */
  get origins(): string[] {
    return this.#listeners?.origins ?? []
  }

  /** Of the listener for `localToken`. */
  get localOrigin(): string | undefined {
    return this.#listeners?.localOrigin
  }

  /** What of the files is not in force, or has no effect. */
  get notices(): ConfigurationFileFault[] {
    const { directory } = this.#configuration
    return [...[...directory.faults().values()].flat(), ...directory.notices()]
  }

  /** In-process access to the resources, with all rights: what commands use. */
  get connection(): Connection {
    return connect(this.#router, { agent: 'command' })
  }

  /**
   * Stops accepting requests, waits for in-flight ones up to the setting `stopTimeout`, then deactivates the plugins
   * and releases all resources.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  /**
   * Applies changes on disk, even where the file system reports no events. Broken objects keep their last valid
   * version.
   */
  async reload(): Promise<void> {
    await this.#metrics.reloaded(this.#configuration.reload())
    if (this.#options.httpsPort === undefined) return
    this.#listeners?.renewCertificate(await readServerCertificate(this.#options.project))
  }

  /** Opens the ports first, so that a port conflict is reported before anything else starts. */
  async #start(): Promise<void> {
    prepareRepository()
    this.#addResources()
    await this.#listen()
    await this.#configuration.start()
    await this.#scripting.start()
    await this.#openObjects()
    await this.#plugins.load(this.#options.plugins)
    await this.#scripting.serveEndpoints()
    this.#state.enter('ACTIVE_READY')
  }

  #addResources(): void {
    const { log, link } = this.#options
    const { directory, resolver: values, secretFields, addressFields } = this.#configuration
    const transform = transformer(this.#scripting.engine)
    const audited = this.#audit.configurationObserver(secretFields)
    const onChanged: typeof audited = (change, context) => {
      this.#acceptance.own(ownedBy(change))
      audited(change, context)
    }
    const common = { secretFields, addressFields, values, transform, onChanged, log, others: link }
    this.#router.add('config', configResource(directory, { ...common, defaults: defaultConfiguration }))
    link?.onRescan(() => directory.rescan())
    addInfo(this.#router, { state: this.#state, version: packageVersion() })
    addEndpoints(this.#router, { nodes: this.#nodes, connection: this.connection, directory, recent: this.#recent })
  }

  async #openObjects(): Promise<void> {
    const { project, log, link } = this.#options
    const { directory: configuration, resolver } = this.#configuration
    this.#acceptance.begin()
    const keys = keySource(project.security, resolver, log)
    const common = { router: this.#router, configuration, keys, metrics: this.#metrics, audit: this.#audit, log }
    const { engine: scripts } = this.#scripting
    const place = repositoryPlace(project, this.#configuration, this.#options.env ?? process.env)
    const objects = this.#scope.own('objects', await openObjects({ ...common, place, scripts, link }))
    this.#stores.push(...objects.passwordStores)
    this.#audit.use(objects.repository)
    this.#scope.defer('audit in the repository', () => this.#audit.flush())
    this.#audit.serve(this.#router)
    this.#state.watch(() => objects.repository.fault ?? this.#audit.fault)
    await this.#addSynchronization(objects)
  }

  async #addSynchronization({ repository, managedTypes, changes }: StoredObjects): Promise<void> {
    const { log, link } = this.#options
    const { directory: configuration, settings } = this.#configuration
    const { signal } = this.#stopping
    const common = { router: this.#router, configuration, settings, state: this.#state, link, signal, log }
    const drains = this.#options.port !== undefined || this.#options.httpsPort !== undefined
    const parts = { ...common, repository, managedTypes, changes, drains, acceptance: this.#acceptance }
    const engines = { scripts: this.#scripting.engine, metrics: this.#metrics, audit: this.#audit, node: this.#nodes }
    const added = await addSynchronization({ ...parts, ...engines })
    provideSynchronization(this.#services, this.#scope.own('synchronization', added))
  }

  #createPluginHost(): PluginHost {
    const { log, project } = this.#options
    const services = this.#services
    services.provide(resourcesService, registryOf(this.#router))
    services.provide(configurationService, this.#configuration.directory)
    services.provide(scriptsService, this.#scripting.engine)
    services.provide(metricsService, this.#metrics)
    if (this.#options.link) services.provide(hostProcessesService, this.#options.link)
    const logOf = (plugin: string) => log.child({ plugin })
    return new PluginHost({ confDir: project.conf, log, services, mounts: { '/openidm': this.#mount }, logOf })
  }

  #createScripting(): Scripting {
    const { directory: configuration, resolver } = this.#configuration
    return new Scripting({ ...this.#options, router: this.#router, configuration, resolver, metrics: this.#metrics })
  }

  #createAuthentication(): Authentication {
    const client = new IntrospectionClient(this.#configuration.resolver.sources, this.#options)
    const introspection = this.#scope.own('introspection', client)
    const setting = this.#configuration.authentication
    const modules = () => setting.value.modules
    const tokens = new TokenIdentities({ setting, introspection, connection: this.connection })
    return new Authentication({
      stores: () => [...this.#stores.map((store) => underModules(store, modules)), ...modules().users],
      throttle: new LoginThrottle({ signal: this.#stopping.signal }),
      rsFilter: () => tokens.rsFilter,
      local: this.#local,
    })
  }

  async #listen(): Promise<void> {
    const { host, port, httpsPort, project, log, link } = this.#options
    const { settings } = this.#configuration
    const front = createServer({
      mount: this.#mount,
      cors: () => this.#configuration.cors,
      settings: () => settings.value,
      measure: this.#metrics.answered,
      audit: this.#audit.answered,
      log,
    })
    const tls = httpsPort === undefined ? undefined : await readServerCertificate(project)
    const secure = httpsPort !== undefined && tls ? { port: httpsPort, tls } : undefined
    const onRequest = this.#local?.listener(front.onRequest)
    const local = onRequest && { port: link?.localPort ?? 0, onRequest }
    const options = { ...{ host, port, secure, local, ...front }, reusePort: link?.reusesPorts ?? false }
    this.#listeners = await Listeners.open(options, this.#scope)
  }

  async #stop(): Promise<void> {
    this.#state.enter('STOPPING')
    this.#stopping.abort()
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(), this.#configuration.settings.value.stopTimeout)
    await this.#listeners?.close(deadline.signal)
    clearTimeout(timer)
    await this.#scope.dispose()
  }
}
