import { X509Certificate } from 'node:crypto'
import type { DetailedPeerCertificate } from 'node:tls'

/** `CN=idm-eu.example.net, O=Example`: a distinguished name as one line of text. */
export const nameOf = (distinguishedName: string | undefined): string =>
  // Certificates come from outside: control characters must not reach a terminal or the log.
  (distinguishedName ?? '').trim().replaceAll('\n', ', ').replace(/\p{C}/gu, '?').slice(0, 300) || '(no name)'

/** One line for a person: subject, issuer, validity (UTC) and SHA-256 fingerprint. */
export const describeCertificate = (certificate: X509Certificate): string =>
  `${describeNames(certificate)}, SHA-256 ${certificate.fingerprint256}`

/** Subject, issuer and validity (UTC). */
export function describeNames(certificate: X509Certificate): string {
  const { subject, issuer, validFromDate, validToDate } = certificate
  const names = isSelfIssued(certificate)
    ? `"${nameOf(subject)}" (self-signed)`
    : `"${nameOf(subject)}" issued by "${nameOf(issuer)}"`
  return `${names}, valid ${dayOf(validFromDate)} to ${dayOf(validToDate)}`
}

export const isSelfIssued = ({ subject, issuer }: X509Certificate): boolean => subject === issuer

export const dayOf = (date: Date): string =>
  Number.isNaN(date.getTime()) ? '(no date)' : date.toISOString().slice(0, 10)

/** TLS itself refuses longer chains; the limit also ends cycles of issuers. */
const MAX_CHAIN_LENGTH = 20

/**
 * The certificates that a server presented, its own first.
 * @param peer from `socket.getPeerCertificate(true)`; includes a certificate of the trust store that completed the chain
 */
export function chainOf(peer: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = []
  let next: DetailedPeerCertificate | undefined = peer
  while (next?.raw && chain.length < MAX_CHAIN_LENGTH) {
    const certificate = new X509Certificate(next.raw)
    if (chain.some(({ fingerprint256 }) => fingerprint256 === certificate.fingerprint256)) break
    chain.push(certificate)
    next = next.issuerCertificate
  }
  return chain
}

/** A short name from the common name of a subject or issuer, for keytool and file names. */
export function suggestAlias(distinguishedName: string): string {
  const commonName = /^CN=(.*)$/m.exec(distinguishedName)?.[1] ?? ''
  const alias = commonName.toLowerCase().replace(/[^a-z0-9.]+/g, '-')
  return alias.slice(0, 60).replace(/^[-.]+|(?<![-.])[-.]+$/g, '') || 'remote'
}
