import { DeadlineQueue } from '../../core/deadline-queue.ts'
import type { Agent } from '../../core/http/agent.ts'
import { type ConnectionSettings, endpointOf } from '../../core/http/connection.ts'
import { silentLog } from '../../core/log.ts'
import { Metrics } from '../../core/telemetry/metrics.ts'
import { traced } from '../../core/telemetry/tracing.ts'
import { ResourceException } from '../../crest/errors.ts'
import type { ClientCertificate } from '../../trust/keystore-client.ts'
import { type Authentication, BasicAuthentication } from '../auth/authentication.ts'
import { BearerAuthentication, type Token } from '../auth/bearer.ts'
import { tokenFetcher } from '../auth/token-endpoint.ts'
import { sharedFetcher } from '../auth/token-sharing.ts'
import { Circuit } from '../http/circuit.ts'
import { Health } from '../http/health.ts'
import { type InstanceMetrics, RemoteMetrics } from '../http/instance-metrics.ts'
import { type BearerProperties, type InstanceProperties, scopeHint } from '../properties/properties.ts'
import type { RemoteClient } from './client.ts'
import { Connections, type InstanceOptions } from './connections.ts'

/** Where requests of an instance go, as request options of Node's http. */
export interface Target {
  readonly protocol: string
  /** For the Host header: with the port unless it is the default. */
  readonly host: string
  readonly hostname: string
  readonly port: number
  /** Begins and ends with `/`. */
  readonly basePath: string
}

export function targetOf(url: URL): Target {
  const { host: hostname, port } = endpointOf(url)
  return { protocol: url.protocol, host: url.host, hostname, port, basePath: url.pathname }
}

/** A remote instance in force: properties, credentials and connections. Immutable, except for its connections. */
export class Instance {
  readonly name: string
  /** The properties in force, including a forward proxy from the environment. */
  readonly properties: InstanceProperties
  readonly url: URL
  readonly target: Target
  readonly authentication: Authentication
  readonly health: Health
  readonly circuit: Circuit
  readonly metrics: InstanceMetrics
  /** Shared by all exchanges: until there is a connection, and until the response begins. */
  readonly deadlines: { readonly connection: DeadlineQueue; readonly response: DeadlineQueue }
  readonly #options: InstanceOptions
  readonly #connections: Connections
  #inFlight = 0
  #idle: (() => void) | undefined

  /**
   * @param written the properties in the file
   * @param previous the instance that this one replaces: a token that still fits is taken over
   * @param clientCertificate the certificate that the properties name
   */
  constructor(
    name: string,
    written: InstanceProperties,
    options: InstanceOptions,
    previous?: Instance,
    clientCertificate?: ClientCertificate,
  ) {
    this.name = name
    this.url = new URL(written.instanceUrl)
    this.target = targetOf(this.url)
    this.#options = options
    this.#connections = new Connections(this.url, written, options, clientCertificate)
    this.properties = this.#connections.propertiesTo(this.url)
    this.metrics = (options.metrics ?? new RemoteMetrics(new Metrics())).of(name)
    this.health = new Health(name, options.log ?? silentLog, this.metrics, scopeHint(this.properties))
    this.circuit = new Circuit(name, options.log ?? silentLog)
    const { connectionTimeout, socketTimeout } = this.properties
    this.deadlines = { connection: new DeadlineQueue(connectionTimeout), response: new DeadlineQueue(socketTimeout) }
    this.authentication = this.#authenticate(previous)
  }

  get agent(): Agent {
    return this.#connections.agent
  }

  /** For requests from inside the gateway. */
  get client(): RemoteClient {
    return this.#connections.client(this)
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Requests that wait for a connection. */
  get queued(): number {
    return this.#connections.queued
  }

  /** Counts a request; `end` must be called exactly once when its response has ended. */
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
    return this.#connections.clientCertificate
  }

  /** Applies changed trust and a new client certificate to new connections; requests in flight are not cut. */
  renewTrust(clientCertificate: ClientCertificate | undefined = this.clientCertificate): void {
    // Earlier failures may have been failures of trust.
    this.circuit.reached()
    this.#connections.renew(clientCertificate)
  }

  /** Called after an idle connection was found dead. */
  dropIdleConnections(): void {
    this.#connections.dropIdle()
  }

  /** Closes idle connections now and the others when their request ends. */
  retire(): void {
    this.#connections.retire()
  }

  /** Closes all connections at once. */
  destroy(): void {
    this.#connections.destroy()
  }

  /** Settings for connections to the remote, or to another server on its behalf (its token endpoint). */
  connectionSettings(to?: URL): ConnectionSettings {
    return this.#connections.settings(to)
  }

  #authenticate(previous: Instance | undefined): Authentication {
    const { name, properties } = this
    if (properties.authType === 'basic') return new BasicAuthentication(properties)
    const url = new URL(properties.tokenEndpoint)
    const { proxy } = this.#connections.propertiesTo(url)
    const fetchHere = tokenFetcher(name, { ...properties, proxy }, () => this.#connections.tokenAgent(url))
    const fetchToken = sharedFetcher(this.#options.processes, name, properties, () => this.#observed(fetchHere))
    const authentication = new BearerAuthentication(() => this.#recorded(fetchToken))
    const old = previous?.authentication
    if (old instanceof BearerAuthentication && sameGrant(previous?.properties, properties)) authentication.takeOver(old)
    return authentication
  }

  async #observed(fetchHere: () => Promise<Token>): Promise<Token> {
    try {
      const token = await traced('token request', { 'openidm.instance': this.name }, fetchHere)
      this.metrics.tokenRequested('success')
      return token
    } catch (error) {
      this.metrics.tokenRequested('failure')
      throw error
    }
  }

  /** Records a failed token request once, however many callers wait for it. */
  async #recorded(fetchToken: () => Promise<Token>): Promise<Token> {
    try {
      return await fetchToken()
    } catch (error) {
      if (error instanceof ResourceException) this.health.failed('token', error.message, error.cause)
      throw error
    }
  }
}

/** True if a token for one is valid for the other. */
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
