import type { X509Certificate } from 'node:crypto'
import type { Json, JsonObject } from '../../contract.ts'
import { faultOf, faultText } from '../../core/http/fault.ts'
import { isObject } from '../../core/json.ts'
import { badRequest, conflict, notFound } from '../../crest/errors.ts'
import type { ActionRequest, ReadRequest, Resource, ResourceHandler } from '../../crest/protocol/request.ts'
import { pathElements } from '../../crest/protocol/resource-path.ts'
import { nameOf } from '../../trust/certificate.ts'
import { BundleChanged, bundleOf, editBundleFile } from '../../trust/trust-bundle-file.ts'
import type { TrustStore } from '../../trust/trust-store.ts'
import { withCertificates } from '../../trust/trust-store-bundle.ts'
import type { Instance } from '../instance/instance.ts'
import type { InstanceRegistry } from '../instance/registry.ts'
import { presentedChain, type RefusedServer, refusedServer, tlsServers } from './refused-server.ts'

/** The route of the resource. It changes which certificates the gateway trusts: for administrators only. */
export const TRUST_ROUTE = 'security/truststore'

const FORM = 'must be the SHA-256 fingerprint of a certificate, in hexadecimal'

/**
 * `security/truststore/presented/NAME`: what the servers of an instance present. Over TLS nothing is sent to them.
 *
 * - GET: `{ "servers": [{ "host", "trusted", "reason"?, "cure"?, "chain": [{ "subject", "issuer", "validFrom", "validTo",
 *   "fingerprint", "anchor" }] }] }`; `anchor`: trust in this certificate suffices.
 * - `POST …?_action=trust` with `{ "fingerprint" }`: adds the certificate with this SHA-256 fingerprint to the trust store if
 *   a server presents it now and is refused; the answer is that of GET. 409 when none does.
 */
export class PresentedCertificates implements ResourceHandler {
  readonly #registry: InstanceRegistry
  readonly #trust: TrustStore

  constructor(registry: InstanceRegistry, trust: TrustStore) {
    this.#registry = registry
    this.#trust = trust
  }

  async read({ resourcePath }: ReadRequest): Promise<Resource> {
    const name = instanceIn(resourcePath)
    return { id: name, revision: null, content: await this.#shown(name) }
  }

  async action({ resourcePath, action, content }: ActionRequest): Promise<Json> {
    const name = instanceIn(resourcePath)
    if (action !== 'trust') throw badRequest(`Action "${action}" is not supported here; valid: "trust"`)
    const fingerprint = fingerprintIn(content)
    const certificate = await this.#refusedCertificate(this.#registry.require(name), fingerprint)
    try {
      await editBundleFile(bundleOf(this.#trust), (text) => ({ text: withCertificates(text, [certificate]) }))
    } catch (error) {
      if (error instanceof BundleChanged || error instanceof TypeError) throw conflict(error.message)
      throw error
    }
    await this.#trust.reload()
    return { _id: name, ...(await this.#shown(name)) }
  }

  async #refusedCertificate(instance: Instance, fingerprint: string): Promise<X509Certificate> {
    for (const url of tlsServers(instance)) {
      const refused = await this.#refused(instance, url)
      const found = refused?.chain.find(({ fingerprint256 }) => fingerprint256 === fingerprint)
      if (found && refused?.failure.anchor) return found
    }
    throw conflict(`No server of ${instance.name} is refused and presents a certificate with this fingerprint now`)
  }

  #refused(instance: Instance, url: URL): Promise<RefusedServer | undefined> {
    return refusedServer(url, instance.connectionSettings(url), this.#trust.paths[0] ?? '')
  }

  async #shown(name: string): Promise<JsonObject> {
    const instance = this.#registry.require(name)
    return { servers: await Promise.all(tlsServers(instance).map((url) => this.#server(instance, url))) }
  }

  async #server(instance: Instance, url: URL): Promise<JsonObject> {
    try {
      const refused = await this.#refused(instance, url)
      if (!refused) {
        const chain = await presentedChain(url, instance.connectionSettings(url))
        return { host: url.host, trusted: true, chain: chain.map((one) => shownCertificate(one, undefined)) }
      }
      const { chain, failure } = refused
      const { reason, cure, anchor } = failure
      return { host: url.host, trusted: false, reason, cure, chain: chain.map((one) => shownCertificate(one, anchor)) }
    } catch (error) {
      return { host: url.host, trusted: false, reason: faultText(faultOf(error)), chain: [] }
    }
  }
}

const shownCertificate = (certificate: X509Certificate, anchor: X509Certificate | undefined): JsonObject => ({
  subject: nameOf(certificate.subject),
  issuer: nameOf(certificate.issuer),
  validFrom: certificate.validFromDate.toISOString(),
  validTo: certificate.validToDate.toISOString(),
  fingerprint: certificate.fingerprint256,
  anchor: certificate.fingerprint256 === anchor?.fingerprint256,
})

function instanceIn(resourcePath: string): string {
  const [word, name, ...rest] = pathElements(resourcePath)
  if (word === 'presented' && name !== undefined && rest.length === 0) return name
  throw notFound(`Resource '${TRUST_ROUTE}/${resourcePath}' not found: there is ${TRUST_ROUTE}/presented/INSTANCE`)
}

/** As Node writes it: `AA:BB:…`. @throws badRequest */
function fingerprintIn(content: Json): string {
  const text = isObject(content) ? content.fingerprint : undefined
  const digits = typeof text === 'string' ? text.replaceAll(':', '').toUpperCase() : ''
  if (!/^[0-9A-F]{64}$/.test(digits)) throw badRequest(`fingerprint: ${FORM}`)
  return digits.match(/../g)?.join(':') ?? ''
}
