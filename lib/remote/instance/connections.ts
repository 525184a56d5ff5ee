import type { SecureContext } from 'node:tls'
import { type Agent, closeIdle, createAgent, retireAgent } from '../../core/http/agent.ts'
import type { ConnectionSettings } from '../../core/http/connection.ts'
import { withEnvironmentProxy } from '../../core/http/environment-proxy.ts'
import type { ClientCertificate } from '../../trust/keystore-client.ts'
import type { InstanceProperties } from '../properties/properties.ts'
import type { Surroundings } from '../properties/surroundings.ts'
import { type Owner, RemoteClient } from './client.ts'

/** The connections of one instance: of the proxy, of calls from inside, and to the token endpoint. */
export class Connections {
  readonly #url: URL
  /** As they stand in the file; the environment may add a forward proxy. */
  readonly #written: InstanceProperties
  readonly #surroundings: Surroundings
  #clientCertificate: ClientCertificate | undefined
  /** With the client certificate; without one the context is shared. */
  #ownContext: SecureContext | undefined
  #agent: Agent
  #client: RemoteClient | undefined
  #tokenAgent: Agent | undefined

  constructor(
    url: URL,
    written: InstanceProperties,
    surroundings: Surroundings,
    clientCertificate: ClientCertificate | undefined,
  ) {
    this.#url = url
    this.#written = written
    this.#surroundings = surroundings
    this.#clientCertificate = clientCertificate
    this.#agent = createAgent(url, this.settings(), true)
  }

  /** Of the proxy. */
  get agent(): Agent {
    return this.#agent
  }

  /** For calls from inside the gateway; made when it is first asked for. */
  client(owner: Owner): RemoteClient {
    this.#client ??= new RemoteClient(owner, this.settings())
    return this.#client
  }

  tokenAgent(url: URL): Agent {
    this.#tokenAgent ??= createAgent(url, this.settings(url), false)
    return this.#tokenAgent
  }

  get clientCertificate(): ClientCertificate | undefined {
    return this.#clientCertificate
  }

  /** The environment may name another forward proxy for the token endpoint than for the remote. */
  propertiesTo(url: URL): InstanceProperties {
    return withEnvironmentProxy(this.#written, url, this.#surroundings.env ?? {})
  }

  /** The settings of connections to the remote, or to another server (its token endpoint) on its behalf. */
  settings(to: URL = this.#url): ConnectionSettings<InstanceProperties> {
    const { lookup } = this.#surroundings
    return { properties: this.propertiesTo(to), secureContext: () => this.#secureContext(), lookup }
  }

  /**
   * New connections trust what is trusted now, and show this certificate; requests in flight are not cut. New agents, for
   * the old ones would resume TLS sessions without another look at the certificate.
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

  /** One idle connection turned out to be dead: the others are likely to be so, too. */
  dropIdle(): void {
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
    this.#agent.destroy()
    this.#client?.destroy()
    this.#tokenAgent?.destroy()
  }

  #secureContext(): SecureContext {
    const { trust } = this.#surroundings
    const { tlsVersion } = this.#written
    const versions = tlsVersion === undefined ? {} : { minVersion: tlsVersion, maxVersion: tlsVersion }
    if (!this.#clientCertificate) return trust.secureContext(versions)
    const { cert, key } = this.#clientCertificate
    this.#ownContext ??= trust.secureContext({ ...versions, cert, key: key.reveal() })
    return this.#ownContext
  }
}
