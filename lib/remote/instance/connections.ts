import type { LookupFunction } from 'node:net'
import type { SecureContext } from 'node:tls'
import type { HostProcesses, Logger } from '../../contract.ts'
import { type Agent, closeIdle, createAgent, queuedIn, retireAgent } from '../../core/http/agent.ts'
import type { ConnectionSettings } from '../../core/http/connection.ts'
import { withEnvironmentProxy } from '../../core/http/environment-proxy.ts'
import type { ClientCertificateSource } from '../../trust/client-certificates.ts'
import type { ClientCertificate } from '../../trust/keystore-client.ts'
import type { OwnTls } from '../../trust/trust-store.ts'
import type { RemoteMetrics } from '../http/instance-metrics.ts'
import type { InstanceProperties } from '../properties/properties.ts'
import { type Owner, RemoteClient } from './client.ts'

/** The certificates that make remotes trusted, as the trust store keeps them; they may change at runtime. */
export interface Trust {
  /** Shared by all instances with the same options: creating a context parses all root certificates. */
  secureContext(own?: OwnTls): SecureContext
}

/** What all instances share. */
export interface InstanceOptions {
  readonly trust: Trust
  /** Resolves host names; Node's own resolver when absent. */
  readonly lookup?: LookupFunction | undefined
  /** For `HTTPS_PROXY` and the like. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Rejects with a sentence when the certificate cannot be read. */
  readonly clientCertificate?: ((source: ClientCertificateSource) => Promise<ClientCertificate>) | undefined
  readonly log?: Logger | undefined
  /** The other processes of the host: concurrent token requests of several processes become one. */
  readonly processes?: HostProcesses | undefined
  readonly metrics?: RemoteMetrics | undefined
}

/** The connections of one instance: for proxied requests, for requests from inside, and to the token endpoint. */
export class Connections {
  readonly #url: URL
  /** The properties in the file; the environment may add a forward proxy. */
  readonly #written: InstanceProperties
  readonly #options: InstanceOptions
  #clientCertificate: ClientCertificate | undefined
  /** Only with a client certificate; otherwise the context is shared between instances. */
  #ownContext: SecureContext | undefined
  #agent: Agent
  #client: RemoteClient | undefined
  #tokenAgent: Agent | undefined

  constructor(
    url: URL,
    written: InstanceProperties,
    options: InstanceOptions,
    clientCertificate: ClientCertificate | undefined,
  ) {
    this.#url = url
    this.#written = written
    this.#options = options
    this.#clientCertificate = clientCertificate
    this.#agent = createAgent(url, this.settings(), true)
  }

  /** For proxied requests. */
  get agent(): Agent {
    return this.#agent
  }

  /** For requests from inside the gateway; created on first use. */
  client(owner: Owner): RemoteClient {
    this.#client ??= new RemoteClient(owner, this.settings())
    return this.#client
  }

  /** Requests that wait for a connection. */
  get queued(): number {
    return queuedIn(this.#agent) + (this.#client?.queued ?? 0)
  }

  tokenAgent(url: URL): Agent {
    this.#tokenAgent ??= createAgent(url, this.settings(url), false)
    return this.#tokenAgent
  }

  get clientCertificate(): ClientCertificate | undefined {
    return this.#clientCertificate
  }

  /** The properties in force for `url`. The environment may name different forward proxies for http and https. */
  propertiesTo(url: URL): InstanceProperties {
    return withEnvironmentProxy(this.#written, url, this.#options.env ?? {})
  }

  /** Settings for connections to the remote, or to another server on its behalf (its token endpoint). */
  settings(to: URL = this.#url): ConnectionSettings<InstanceProperties> {
    const { lookup } = this.#options
    return { properties: this.propertiesTo(to), secureContext: () => this.#secureContext(), lookup }
  }

  /**
   * Applies changed trust and a new client certificate to new connections; requests in flight are not cut. It takes new
   * agents, because the old ones resume TLS sessions without verifying the certificate again.
   */
  renew(clientCertificate: ClientCertificate | undefined): void {
    this.#clientCertificate = clientCertificate
    this.#ownContext = undefined
    if (this.#url.protocol === 'https:') {
      const old = this.#agent
      this.#agent = createAgent(this.#url, this.settings(), true)
      retireAgent(old)
      this.#client?.retire()
      this.#client = undefined
    }
    if (this.#tokenAgent) retireAgent(this.#tokenAgent)
    this.#tokenAgent = undefined
  }

  /** Closes idle connections: after one was found dead, the others probably are, too. */
  dropIdle(): void {
    closeIdle(this.#agent)
  }

  /** Closes idle connections now and the others when their request ends. */
  retire(): void {
    retireAgent(this.#agent)
    this.#client?.retire()
    if (this.#tokenAgent) retireAgent(this.#tokenAgent)
  }

  /** Closes all connections at once. */
  destroy(): void {
    this.#agent.destroy()
    this.#client?.destroy()
    this.#tokenAgent?.destroy()
  }

  #secureContext(): SecureContext {
    const { trust } = this.#options
    const { tlsVersion } = this.#written
    const versions = tlsVersion === undefined ? {} : { minVersion: tlsVersion, maxVersion: tlsVersion }
    if (!this.#clientCertificate) return trust.secureContext(versions)
    const { cert, key } = this.#clientCertificate
    this.#ownContext ??= trust.secureContext({ ...versions, cert, key: key.reveal() })
    return this.#ownContext
  }
}
