import type { X509Certificate } from 'node:crypto'
import { commandLine, shellQuoted } from '../core/command-line.ts'
import { dayOf, describeCertificate, nameOf, suggestAlias } from './certificate.ts'

/** Why the certificate of a remote was refused, for a person. */
export interface TrustFailure {
  readonly reason: string
  readonly cure: string
  /** The outermost certificate that the remote presented, if trust in it suffices. */
  readonly anchor?: X509Certificate
}

type Explain = (chain: readonly X509Certificate[], trustStorePath: string) => TrustFailure

/**
 * Explains a TLS error.
 * @param code of the error, such as SELF_SIGNED_CERT_IN_CHAIN
 * @param chain the certificates that the remote presented (see `chainOf`)
 * @param trustStorePath for the commands in the cure
 */
export function explainTrustFailure(
  code: string,
  chain: readonly X509Certificate[],
  trustStorePath: string,
): TrustFailure {
  const explain = Object.hasOwn(EXPLANATIONS, code) ? EXPLANATIONS[code] : undefined
  if (explain && chain.length > 0) return explain(chain, trustStorePath)
  return {
    reason: `the certificate of the remote was refused (${nameOf(code)})`,
    cure: 'have the administrator of the remote look at its certificate',
  }
}

const issuerMissing: Explain = (chain, trustStorePath) => {
  const last = chain.at(-1)
  const issuer = nameOf(last?.issuer)
  const sent = chain.map(describeCertificate).join('; ')
  const command = commands(trustStorePath, suggestAlias(last?.issuer ?? ''))
  return {
    reason: `the authority "${issuer}" is not trusted, and the remote did not send its certificate. It sent: ${sent}`,
    cure:
      `get the certificate of "${issuer}" as a PEM file from the administrator of the remote, compare its SHA-256 ` +
      `fingerprint with them, and add it: ${command}. Where it cannot be had, add the remote's own certificate instead`,
    ...(last && { anchor: last }),
  }
}

const presentedButUnknown: Explain = (chain, trustStorePath) => {
  const anchor = chain.at(-1)
  if (!anchor) return issuerMissing(chain, trustStorePath)
  const what = chain.length === 1 ? 'the self-signed certificate of the remote' : 'the authority of the remote'
  return {
    reason: `${what} is not trusted: ${describeCertificate(anchor)}`,
    cure:
      'compare the SHA-256 fingerprint with the administrator of the remote, save the certificate as a PEM file, and ' +
      `add it: ${commands(trustStorePath, suggestAlias(anchor.subject))}`,
    anchor,
  }
}

const expired: Explain = (chain) => {
  const now = new Date()
  const certificate = chain.find(({ validToDate }) => validToDate < now) ?? chain[0]
  return {
    reason: `a certificate of the remote has expired: ${certificate ? describeCertificate(certificate) : ''}`,
    cure: `have it renewed on the remote (here it is ${dayOf(now)}: check the clock of this machine if that is wrong)`,
  }
}

const notYetValid: Explain = (chain) => {
  const now = new Date()
  const certificate = chain.find(({ validFromDate }) => validFromDate > now) ?? chain[0]
  return {
    reason: `a certificate of the remote is not valid yet: ${certificate ? describeCertificate(certificate) : ''}`,
    cure: `check the clock of this machine (here it is ${dayOf(now)}), then that of the machine that issued it`,
  }
}

const otherName: Explain = ([own]) => ({
  reason: `the certificate of the remote was issued for another name: ${nameOf(own?.subjectAltName ?? own?.subject)}`,
  cure:
    'use one of these names in instanceUrl (or tokenEndpoint), or have the certificate issued for the name in use. ' +
    '"hostnameVerifier": "ALLOW_ALL" turns this check off and lets any holder of a trusted certificate pose as the remote',
})

const otherPurpose: Explain = ([own]) => ({
  reason: `the certificate of the remote is not one for a server: ${own ? describeCertificate(own) : ''}`,
  cure: 'have a certificate with the extended key usage "server authentication" issued for it',
})

const EXPLANATIONS: Readonly<Record<string, Explain>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: issuerMissing,
  UNABLE_TO_GET_ISSUER_CERT: issuerMissing,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: issuerMissing,
  CERT_UNTRUSTED: issuerMissing,
  SELF_SIGNED_CERT_IN_CHAIN: presentedButUnknown,
  DEPTH_ZERO_SELF_SIGNED_CERT: presentedButUnknown,
  CERT_HAS_EXPIRED: expired,
  CERT_NOT_YET_VALID: notYetValid,
  INVALID_PURPOSE: otherPurpose,
  ERR_TLS_CERT_ALTNAME_INVALID: otherName,
}

/** With keytool, and for people without Java. */
const commands = (trustStorePath: string, alias: string): string =>
  `keytool -import -alias ${alias} -keystore ${shellQuoted(trustStorePath)} -file ${alias}.pem` +
  ` (or, without Java: ${commandLine()} trust add ${alias} ${alias}.pem${projectOption(trustStorePath)})`

/** ` --project DIR` for a command, unless the current directory is the project of this trust store. */
export function projectOption(trustStorePath: string): string {
  const project = /^(.+)[\\/]security[\\/]truststore$/.exec(trustStorePath)?.[1]
  return project === undefined || project === process.cwd() ? '' : ` --project ${shellQuoted(project)}`
}
