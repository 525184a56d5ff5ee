/** Which certificates of a remote are trusted is decided by a person: by a fingerprint, or at the terminal. */
import type { X509Certificate } from 'node:crypto'
// Not by its name, which an older Node lacks: it would fail before it can be told why.
import tls, { createSecureContext, type SecureContext } from 'node:tls'
import { StartError } from '../gateway/project/start-error.ts'
import { type RefusedServer, refusedServer, tlsServers } from '../remote/check/refused-server.ts'
import type { Trust } from '../remote/instance/connections.ts'
import type { Instance } from '../remote/instance/instance.ts'
import { describeCertificate, describeNames, nameOf } from '../trust/certificate.ts'
import type { OwnTls, TrustStore } from '../trust/trust-store.ts'
import { UsageError } from './command.ts'
import { columnsOf, type Output } from './output.ts'
import type { Prompts } from './prompts.ts'
import { table } from './text.ts'

/** The trust store of a project, and certificates that are about to be added to it. */
export class ProvisionalTrust implements Trust {
  readonly store: TrustStore
  readonly added: X509Certificate[] = []

  constructor(store: TrustStore) {
    this.store = store
  }

  secureContext(own: OwnTls = {}): SecureContext {
    if (this.added.length === 0) return this.store.secureContext(own)
    const ca = this.store.ca() ?? tls.getCACertificates('default')
    return createSecureContext({ ...own, ca: [...ca, ...this.added.map(String)], allowPartialTrustChain: true })
  }
}

export interface Decider {
  /** SHA-256, as `parseFingerprint` returns them. */
  readonly fingerprints: readonly string[]
  readonly prompts: Prompts | undefined
  readonly stdout: Output
}

/**
 * Shows the chain of each refused server of an instance, and adds to `trust` what is decided.
 * @param instance with this trust
 * @throws StartError when a server stays refused; UsageError when there is no terminal and no fingerprint; the error of a
 * server that does not answer
 */
export async function decideTrust(instance: Instance, trust: ProvisionalTrust, decider: Decider): Promise<void> {
  for (const url of tlsServers(instance)) {
    const refused = () => refusedServer(url, instance.connectionSettings(url), trust.store.paths[0] ?? '')
    // Trust in one certificate may uncover another fault.
    for (let server = await refused(); server; server = await refused()) {
      const certificate = await decide(server, decider)
      if (trust.added.some(({ fingerprint256 }) => fingerprint256 === certificate.fingerprint256))
        throw new StartError(`${url.host} is refused although ${describeCertificate(certificate)} is trusted`)
      trust.added.push(certificate)
    }
  }
}

async function decide({ url, chain, failure }: RefusedServer, decider: Decider): Promise<X509Certificate> {
  const { fingerprints, prompts, stdout } = decider
  const { anchor, reason, cure } = failure
  // A fingerprint that is wrapped can be neither compared nor copied.
  const rows = chain.flatMap((certificate, index) => [
    [`${index + 1}`, describeNames(certificate)],
    `     SHA-256 ${certificate.fingerprint256}`,
  ])
  stdout.write(`\n${url.host} presents\n\n${table(rows, { width: columnsOf(stdout), indent: 2 })}\n`)
  if (!anchor) throw new StartError(`${reason}; ${cure}`)
  const named = chain.find(({ fingerprint256 }) => fingerprints.includes(fingerprint256))
  if (named) return named
  if (fingerprints.length > 0 && !prompts)
    throw new StartError(`${url.host}: none of its certificates has a fingerprint given by --trust-fingerprint`)
  if (!prompts)
    throw new UsageError(
      `${url.host} is not trusted: compare a SHA-256 fingerprint above with the administrator of the remote, and give it ` +
        'with --trust-fingerprint <sha256>',
    )
  const what = `certificate ${chain.indexOf(anchor) + 1}, ${nameOf(anchor.subject)}`
  const question = `Trust ${what}? First compare its SHA-256 fingerprint with the administrator of the remote.`
  if (await prompts.confirm(question, false)) return anchor
  throw new StartError(`${url.host} is not trusted: nothing was written`)
}

/** @throws UsageError for what is no SHA-256 fingerprint in hexadecimal, with or without colons */
export function parseFingerprint(text: string): string {
  const digits = text.replaceAll(':', '').toUpperCase()
  if (/^[0-9A-F]{64}$/.test(digits)) return digits.match(/../g)?.join(':') ?? ''
  throw new UsageError(`--trust-fingerprint: must be 32 bytes in hexadecimal, found ${JSON.stringify(text)}`)
}
