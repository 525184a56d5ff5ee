import { ConfigDirectory } from '../config/directory.ts'
import { configurationService } from '../contract.ts'
import { connect, registryOf } from '../crest/connection.ts'
import { crestHttp } from '../crest/http.ts'
import { ResourceRouter, resourcesService } from '../crest/router.ts'
import { Scope } from '../util/scope.ts'
import type { Secret } from '../util/secret.ts'
import { defaultAccess } from './access.ts'
import { accessSchema } from './access-rules.ts'
import { Authentication } from './authentication.ts'
import { PluginHost } from './host.ts'
import { staticUsers } from './identity/administrator.ts'
import { LoginThrottle } from './identity/login-throttle.ts'
import { authenticationSchema } from './identity/rs-filter-properties.ts'
import { TokenIdentities } from './identity/token-identities.ts'
import { addInfo } from './info.ts'
import { Listener } from './listener.ts'
import type { HostLog } from './log.ts'
import { addManagedObjects } from './objects.ts'
import { OpenidmMount } from './openidm-mount.ts'
import { packageVersion } from './package-info.ts'
import { type Project, readServerCertificate } from './project.ts'
import { contextOf } from './request-record.ts'
import { createServer } from './server.ts'
import { ServerState } from './server-state.ts'
import { ServiceRegistry } from './services.ts'
import { Setting } from './setting.ts'
import { settingsSchema } from './settings.ts'
import { trustedAuthorities } from './trusted-authorities.ts'

export interface GatewayOptions {
  readonly project: Project
  readonly host: string
  /** Port for HTTP; 0 takes a free one, absent means none. */
  readonly port?: number
  /** Port for HTTPS; needs certificate and key in the project's `security/`. */
  readonly httpsPort?: number
  /** Folders with a `plugin.json`. */
  readonly plugins: readonly string[]
  readonly administratorPassword: Secret
  readonly log: HostLog
}

/** The reference gateway on one project directory. */
export class Gateway {
  readonly #options: GatewayOptions
  readonly #scope: Scope
  readonly #stopping = new AbortController()
  readonly #state = new ServerState()
  readonly #services = new ServiceRegistry()
  readonly #router = new ResourceRouter()
  readonly #configuration: ConfigDirectory
  readonly #access
  readonly #authentication
  readonly #settings
  readonly #listeners: Listener[] = []
  #stopped: Promise<void> | undefined

  private constructor(options: GatewayOptions) {
    const { log, project } = options
    this.#options = options
    this.#scope = new Scope(log)
    this.#configuration = this.#scope.own('configuration', new ConfigDirectory({ dir: project.conf, log }))
    this.#access = new Setting({
      name: 'access',
      schema: accessSchema.transform(({ configs }) => configs),
      absent: defaultAccess(),
      log,
    })
    this.#authentication = new Setting({ name: 'authentication', schema: authenticationSchema, absent: {}, log })
    this.#settings = new Setting({ name: 'gateway', schema: settingsSchema, absent: settingsSchema.parse({}), log })
  }

  /**
   * Resolves when the configuration is in force, the plugins are active and requests are served.
   * @throws StartError when it cannot start; nothing of it is left then
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

  /** Such as `http://127.0.0.1:8080`: HTTP first. */
  get origins(): string[] {
    return this.#listeners.map(({ origin }) => origin)
  }

  /** In-process access to its resources, with all rights. */
  get connection() {
    return connect(this.#router, {})
  }

  /**
   * Takes no new requests, lets those under way end (bounded by the setting `stopTimeout`), then deactivates the
   * plugins and lets go of everything.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #start(): Promise<void> {
    this.#addResources()
    const mount = this.#createMount()
    await this.#listen(mount)
    await this.#configuration.start()
    for (const setting of [this.#settings, this.#access, this.#authentication]) {
      this.#scope.own(`setting ${setting.factoryPid}`, await setting.follow(this.#configuration))
    }
    await this.#loadPlugins(mount)
    this.#state.enter('ACTIVE_READY')
  }

  #addResources(): void {
    this.#scope.own('info', addInfo(this.#router, { state: this.#state, version: packageVersion() }))
    this.#scope.own('managed objects', addManagedObjects(this.#router))
    this.#services.provide(resourcesService, registryOf(this.#router))
    this.#services.provide(configurationService, this.#configuration)
  }

  #createMount(): OpenidmMount {
    const { log } = this.#options
    return new OpenidmMount({
      state: this.#state,
      authentication: this.#createAuthentication(),
      access: () => this.#access.value,
      resources: crestHttp({ router: this.#router, contextOf, log }),
      log,
    })
  }

  #createAuthentication(): Authentication {
    const { administratorPassword, project } = this.#options
    const tokens = this.#scope.own(
      'token identities',
      new TokenIdentities({
        setting: this.#authentication,
        ca: () => trustedAuthorities(project.security),
        connection: this.connection,
      }),
    )
    return new Authentication({
      stores: staticUsers(administratorPassword),
      throttle: new LoginThrottle({ signal: this.#stopping.signal }),
      rsFilter: () => tokens.rsFilter,
    })
  }

  async #listen(mount: OpenidmMount): Promise<void> {
    const { host, port, httpsPort, project, log } = this.#options
    const onRequest = createServer({ mount, settings: () => this.#settings.value, log })
    const tls = httpsPort === undefined ? undefined : await readServerCertificate(project)
    if (port !== undefined) await this.#open({ host, port, onRequest })
    if (httpsPort !== undefined && tls) await this.#open({ host, port: httpsPort, tls, onRequest })
  }

  async #open(options: Parameters<typeof Listener.open>[0]): Promise<void> {
    const listener = await Listener.open(options)
    this.#scope.defer(`listener ${listener.origin}`, () => listener.close(AbortSignal.abort()))
    this.#listeners.push(listener)
  }

  async #loadPlugins(mount: OpenidmMount): Promise<void> {
    const { log, project, plugins } = this.#options
    const parts = { confDir: project.conf, log, services: this.#services, mounts: { '/openidm': mount } }
    const host = new PluginHost({ ...parts, logOf: (plugin) => log.child({ plugin }) })
    this.#scope.own('plugins', host)
    await host.load(plugins)
  }

  async #stop(): Promise<void> {
    this.#state.enter('STOPPING')
    this.#stopping.abort()
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(), this.#settings.value.stopTimeout)
    await Promise.all(this.#listeners.map((listener) => listener.close(deadline.signal)))
    clearTimeout(timer)
    await this.#scope.dispose()
  }
}
