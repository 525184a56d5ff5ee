import { X509Certificate } from 'node:crypto'
import type { DetailedPeerCertificate } from 'node:tls'

/** `CN=idm-eu.example.net, O=Example`: a name out of a certificate, fit for one line of a terminal. */
export const nameOf = (distinguishedName: string | undefined): string =>
  // A certificate comes from the other side: what it says must not steer a terminal or forge a line of the log.
  (distinguishedName ?? '').trim().replaceAll('\n', ', ').replace(/\p{C}/gu, '?').slice(0, 300) || '(no name)'

/** One line for a person: subject, issuer, validity (UTC) and SHA-256 fingerprint. */
export function describeCertificate(certificate: X509Certificate): string {
  const { subject, issuer, validFromDate, validToDate, fingerprint256 } = certificate
  const names = isSelfIssued(certificate)
    ? `"${nameOf(subject)}" (self-signed)`
    : `"${nameOf(subject)}" issued by "${nameOf(issuer)}"`
  return `${names}, valid ${dayOf(validFromDate)} to ${dayOf(validToDate)}, SHA-256 ${fingerprint256}`
}

export const isSelfIssued = ({ subject, issuer }: X509Certificate): boolean => subject === issuer

export const dayOf = (date: Date): string =>
  Number.isNaN(date.getTime()) ? '(no date)' : date.toISOString().slice(0, 10)

/** Longer chains are refused by TLS itself; the bound keeps a circle of issuers finite. */
const LONGEST_CHAIN = 20

/**
 * What the remote presented, its own certificate first, as `socket.getPeerCertificate(true)` returns it; empty when
 * there is none. A certificate of the trust store that completed the chain is part of it.
 */
export function chainOf(peer: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = []
  let next: DetailedPeerCertificate | undefined = peer
  while (next?.raw && chain.length < LONGEST_CHAIN) {
    const certificate = new X509Certificate(next.raw)
    if (chain.some(({ fingerprint256 }) => fingerprint256 === certificate.fingerprint256)) break
    chain.push(certificate)
    next = next.issuerCertificate
  }
  return chain
}

/** A short name made of the common name in a subject or issuer, for keytool and file names. */
export function suggestAlias(distinguishedName: string): string {
  const commonName = /^CN=(.*)$/m.exec(distinguishedName)?.[1] ?? ''
  const alias = commonName.toLowerCase().replace(/[^a-z0-9.]+/g, '-')
  return alias.slice(0, 60).replace(/^[-.]+|(?<![-.])[-.]+$/g, '') || 'remote'
}
