import { DeadlineQueue } from '../../core/deadline-queue.ts'
import type { Agent } from '../../core/http/agent.ts'
import { type ConnectionSettings, endpointOf } from '../../core/http/connection.ts'
import { silentLog } from '../../core/silent-log.ts'
import { ResourceException } from '../../crest/errors.ts'
import type { ClientCertificate } from '../../trust/keystore-client.ts'
import { type Authentication, BasicAuthentication } from '../auth/authentication.ts'
import { BearerAuthentication, type Token } from '../auth/bearer.ts'
import { tokenFetcher } from '../auth/token-endpoint.ts'
import { sharedFetcher } from '../auth/token-sharing.ts'
import { Circuit } from '../http/circuit.ts'
import { Health } from '../http/health.ts'
import type { BearerProperties, InstanceProperties } from '../properties/properties.ts'
import type { Surroundings } from '../properties/surroundings.ts'
import type { RemoteClient } from './client.ts'
import { Connections } from './connections.ts'

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
  readonly #connections: Connections
  #inFlight = 0
  #idle: (() => void) | undefined

  /**
   * @param written as they stand in its file
   * @param previous the instance that this one replaces: a token that still fits is taken over
   * @param clientCertificate what its properties name, read
   */
  constructor(
    name: string,
    written: InstanceProperties,
    surroundings: Surroundings,
    previous?: Instance,
    clientCertificate?: ClientCertificate,
  ) {
    this.name = name
    this.url = new URL(written.instanceUrl)
    this.target = targetOf(this.url)
    this.#surroundings = surroundings
    this.#connections = new Connections(this.url, written, surroundings, clientCertificate)
    this.properties = this.#connections.propertiesTo(this.url)
    this.health = new Health(name, surroundings.log ?? silentLog)
    this.circuit = new Circuit(name, surroundings.log ?? silentLog)
    const { connectionTimeout, socketTimeout } = this.properties
    this.deadlines = { connection: new DeadlineQueue(connectionTimeout), response: new DeadlineQueue(socketTimeout) }
    this.authentication = this.#authenticate(previous)
  }

  get agent(): Agent {
    return this.#connections.agent
  }

  /** For calls from inside the gateway. */
  get client(): RemoteClient {
    return this.#connections.client(this)
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
    return this.#connections.clientCertificate
  }

  /** New connections trust what is trusted now and show this certificate; requests in flight are not cut. */
  renewTrust(clientCertificate: ClientCertificate | undefined = this.clientCertificate): void {
    // What failed before may have failed for want of trust.
    this.circuit.reached()
    this.#connections.renew(clientCertificate)
  }

  /** One idle connection turned out to be dead. */
  dropIdleConnections(): void {
    this.#connections.dropIdle()
  }

  /** No new requests come: idle connections close now, the others with their request. */
  retire(): void {
    this.#connections.retire()
  }

  /** Cuts what is still open. */
  destroy(): void {
    this.#connections.destroy()
  }

  /** The settings of connections to the remote, or to another server (its token endpoint) on its behalf. */
  connectionSettings(to?: URL): ConnectionSettings {
    return this.#connections.settings(to)
  }

  #authenticate(previous: Instance | undefined): Authentication {
    const { name, properties } = this
    if (properties.authType === 'basic') return new BasicAuthentication(properties)
    const url = new URL(properties.tokenEndpoint)
    const { proxy } = this.#connections.propertiesTo(url)
    const fetchHere = tokenFetcher(name, { ...properties, proxy }, () => this.#connections.tokenAgent(url))
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
