import type { LookupFunction } from 'node:net'
import type { SecureContext, SecureContextOptions } from 'node:tls'
import type { HostProcesses, Logger } from '../contract.ts'
import { ResourceException } from '../crest/errors.ts'
import type { ClientCertificateSource } from '../trust/client-certificates.ts'
import type { ClientCertificate } from '../trust/keystore-client.ts'
import { DeadlineQueue } from '../util/deadline-queue.ts'
import { silentLog } from '../util/silent-log.ts'
import {
  type Agent,
  type ConnectionSettings,
  closeIdle,
  createAgent,
  destroyAgent,
  hostNameOf,
  retireAgent,
} from './agent.ts'
import { type Authentication, BasicAuthentication } from './authentication.ts'
import { BearerAuthentication, type Token } from './bearer.ts'
import { Circuit } from './circuit.ts'
import { RemoteClient } from './client.ts'
import { withEnvironmentProxy } from './environment-proxy.ts'
import { Health } from './health.ts'
import type { BearerProperties, InstanceProperties } from './properties.ts'
import { tokenFetcher } from './token-endpoint.ts'
import { sharedFetcher } from './token-sharing.ts'

/** The certificates that remotes are trusted by, as the trust store keeps them; they may change while we run. */
export interface Trust {
  /** Made once per change of trust: a thousand instances share it, and no connection parses certificates again. */
  secureContext(own?: Pick<SecureContextOptions, 'minVersion' | 'maxVersion' | 'cert' | 'key'>): SecureContext
}

/** What instances share. */
export interface Surroundings {
  readonly trust: Trust
  /** Resolves host names; Node's own when absent. */
  readonly lookup?: LookupFunction | undefined
  /** Where `HTTPS_PROXY` and its like are looked for. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Rejects with a sentence when the certificate cannot be had. */
  readonly clientCertificate?: ((source: ClientCertificateSource) => Promise<ClientCertificate>) | undefined
  readonly log?: Logger | undefined
  /** The other processes of the host: one of them asks a token endpoint for all that want the same token. */
  readonly processes?: HostProcesses | undefined
}

/** Where requests of an instance go, in the parts that Node's http wants. */
export interface Target {
  readonly protocol: string
  /** For the Host header: with the port unless it is the scheme's own. */
  readonly host: string
  /** For the connection: without brackets. */
  readonly hostname: string
  readonly port: string
  /** Begins and ends with `/`. */
  readonly basePath: string
}

/** One remote instance in force: its settings, its credentials and its connections. Immutable but for its connections. */
export class Instance {
  readonly name: string
  /** As they hold for the remote: with the forward proxy that the environment names, if any. */
  readonly properties: InstanceProperties
  readonly url: URL
  readonly target: Target
  readonly authentication: Authentication
  readonly health: Health
  readonly circuit: Circuit
  /** For all exchanges under way: until there is a connection, and until the answer begins. */
  readonly deadlines: { readonly connection: DeadlineQueue; readonly response: DeadlineQueue }
  readonly #surroundings: Surroundings
  readonly #written: InstanceProperties
  #clientCertificate: ClientCertificate | undefined
  /** With the client certificate; without one the context is shared. */
  #ownContext: SecureContext | undefined
  #agent: Agent
  #client: RemoteClient | undefined
  #tokenAgent: Agent | undefined
  #inFlight = 0
  #idle: (() => void) | undefined

  /**
   * @param previous the instance that this one replaces: a token that still fits is taken over
   * @param clientCertificate what its properties name, read
   */
  constructor(
    name: string,
    properties: InstanceProperties,
    surroundings: Surroundings,
    previous?: Instance,
    clientCertificate?: ClientCertificate,
  ) {
    this.name = name
    this.url = new URL(properties.instanceUrl)
    this.#written = properties
    this.#surroundings = surroundings
    this.properties = this.#propertiesTo(this.url)
    this.#clientCertificate = clientCertificate
    this.health = new Health(name, surroundings.log ?? silentLog)
    this.circuit = new Circuit(name, surroundings.log ?? silentLog)
    const { connectionTimeout, socketTimeout } = this.properties
    this.deadlines = { connection: new DeadlineQueue(connectionTimeout), response: new DeadlineQueue(socketTimeout) }
    this.target = targetOf(this.url)
    this.#agent = createAgent(this.url, this.connectionSettings(), true)
    this.authentication = this.#authenticate(previous)
  }

  get agent(): Agent {
    return this.#agent
  }

  /** For calls from inside the gateway; made when it is first asked for. */
  get client(): RemoteClient {
    this.#client ??= new RemoteClient(this, this.connectionSettings())
    return this.#client
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** A request begins; `end` must be called exactly once when its response has ended. */
  begin(): void {
    this.#inFlight++
  }

  end(): void {
    if (--this.#inFlight === 0) this.#idle?.()
  }

  /** Resolves when no request is in flight. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle = resolve
      if (this.#inFlight === 0) resolve()
    })
  }

  get clientCertificate(): ClientCertificate | undefined {
    return this.#clientCertificate
  }

  /** New connections show this certificate; requests in flight are not cut. */
  renewClientCertificate(clientCertificate: ClientCertificate): void {
    this.#clientCertificate = clientCertificate
    this.renewTrust()
  }

  /**
   * New connections trust what is trusted now; requests in flight are not cut. New agents, for the old ones would resume
   * TLS sessions without another look at the certificate.
   */
  renewTrust(): void {
    this.#ownContext = undefined
    // What failed before may have failed for want of trust.
    this.circuit.reached()
    if (this.url.protocol === 'https:') {
      const old = this.#agent
      this.#agent = createAgent(this.url, this.connectionSettings(), true)
      retireAgent(old)
      this.#client?.retire()
      this.#client = undefined
    }
    this.#renewTokenAgent()
  }

  /** One idle connection turned out to be dead: the others are likely to be so, too. */
  dropIdleConnections(): void {
    closeIdle(this.#agent)
  }

  /** No new requests come: idle connections close now, the others with their request. */
  retire(): void {
    retireAgent(this.#agent)
    this.#client?.retire()
    if (this.#tokenAgent) retireAgent(this.#tokenAgent)
  }

  /** Cuts what is still open. */
  destroy(): void {
    destroyAgent(this.#agent)
    this.#client?.destroy()
    if (this.#tokenAgent) destroyAgent(this.#tokenAgent)
  }

  /** The settings of connections to the remote, or to another server (its token endpoint) on its behalf. */
  connectionSettings(to: URL = this.url): ConnectionSettings {
    const { lookup } = this.#surroundings
    return { properties: this.#propertiesTo(to), secureContext: () => this.#secureContext(), lookup }
  }

  /** The environment may name another forward proxy for the token endpoint than for the remote. */
  #propertiesTo(url: URL): InstanceProperties {
    return withEnvironmentProxy(this.#written, url, this.#surroundings.env ?? {})
  }

  #secureContext(): SecureContext {
    const { trust } = this.#surroundings
    const { tlsVersion } = this.properties
    const versions = tlsVersion === undefined ? {} : { minVersion: tlsVersion, maxVersion: tlsVersion }
    if (!this.#clientCertificate) return trust.secureContext(versions)
    const { cert, key } = this.#clientCertificate
    this.#ownContext ??= trust.secureContext({ ...versions, cert, key: key.reveal() })
    return this.#ownContext
  }

  #authenticate(previous: Instance | undefined): Authentication {
    const { name, properties } = this
    if (properties.authType === 'basic') return new BasicAuthentication(properties)
    const url = new URL(properties.tokenEndpoint)
    const { proxy } = this.#propertiesTo(url)
    const fetchHere = tokenFetcher(name, { ...properties, proxy }, () => this.#currentTokenAgent(url))
    const fetchToken = sharedFetcher(this.#surroundings.processes, name, properties, fetchHere)
    const authentication = new BearerAuthentication(() => this.#noted(fetchToken))
    const old = previous?.authentication
    if (old instanceof BearerAuthentication && sameGrant(previous?.properties, properties)) authentication.takeOver(old)
    return authentication
  }

  /** A token request that fails is noted once, however many callers wait for it. */
  async #noted(fetchToken: () => Promise<Token>): Promise<Token> {
    try {
      return await fetchToken()
    } catch (error) {
      if (error instanceof ResourceException) this.health.failed('token', error.message, error.cause)
      throw error
    }
  }

  #currentTokenAgent(url: URL): Agent {
    this.#tokenAgent ??= createAgent(url, this.connectionSettings(url), false)
    return this.#tokenAgent
  }

  #renewTokenAgent(): void {
    if (this.#tokenAgent) retireAgent(this.#tokenAgent)
    this.#tokenAgent = undefined
  }
}

function targetOf(url: URL): Target {
  const { protocol, host, pathname } = url
  return {
    protocol,
    host,
    hostname: hostNameOf(url),
    port: url.port || (protocol === 'https:' ? '443' : '80'),
    basePath: pathname,
  }
}

/** True when a token for the one is a token for the other. */
function sameGrant(a: InstanceProperties | undefined, b: BearerProperties): boolean {
  if (a?.authType !== 'bearer') return false
  return (
    a.tokenEndpoint === b.tokenEndpoint &&
    a.clientId === b.clientId &&
    a.clientSecret.reveal() === b.clientSecret.reveal() &&
    a.tokenEndpointAuthMethod === b.tokenEndpointAuthMethod &&
    a.scope.join(a.scopeDelimiter) === b.scope.join(b.scopeDelimiter) &&
    a.instanceUrl === b.instanceUrl
  )
}
