/** Edits the text of the PEM bundle, for people without keytool. The caller reads and writes the file. */
import type { X509Certificate } from 'node:crypto'
import { describeCertificate, suggestAlias } from './certificate.ts'
import { readPem } from './certificate-pem.ts'

/** Distinguishes a bundle without certificates from a file that is being written. */
const HEADER = '# Certificates that this gateway trusts, besides those in the file of the same name without .pem.\n'
const ALIAS = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/**
 * @param bundle the text of the bundle; empty for a new one
 * @returns the text with the certificate appended
 * @throws TypeError, a sentence for a person: the alias is invalid, or alias or certificate already exist
 */
export function addToBundle(bundle: string, alias: string, certificate: X509Certificate): string {
  if (!ALIAS.test(alias))
    throw new TypeError('alias: must be 1 to 64 letters, digits, "." "_" "-", the first a letter or digit')
  for (const entry of readPem(bundle, 'the bundle')) {
    if (entry.alias === alias) throw new TypeError(`alias: "${alias}" is in use; remove it first or choose another`)
    if (entry.certificate.fingerprint256 === certificate.fingerprint256)
      throw new TypeError(`this certificate is trusted already${entry.alias ? `, as "${entry.alias}"` : ''}`)
  }
  const text = bundle === '' ? HEADER : `${bundle.trimEnd()}\n`
  return `${text}\n# alias: ${alias}\n# ${describeCertificate(certificate)}\n${certificate.toString().trimEnd()}\n`
}

/** @returns the text without the certificates of that alias or SHA-256 fingerprint, and how many were removed */
export function removeFromBundle(bundle: string, aliasOrFingerprint: string): { text: string; removed: number } {
  const going = readPem(bundle, 'the bundle').filter(
    ({ alias, certificate }) => alias === aliasOrFingerprint || certificate.fingerprint256 === aliasOrFingerprint,
  )
  const text = going.reduceRight((kept, { start, end }) => kept.slice(0, start) + kept.slice(end), bundle)
  return { text: text.startsWith(HEADER) ? text : HEADER + text, removed: going.length }
}

/** The text of a PEM bundle with further certificates, each under an alias made from its subject. */
export const withCertificates = (bundle: string, certificates: readonly X509Certificate[]): string =>
  certificates.reduce((text, certificate) => addToBundle(text, freeAlias(text, certificate), certificate), bundle)

function freeAlias(bundle: string, { subject }: X509Certificate): string {
  const taken = new Set(readPem(bundle, 'the bundle').map(({ alias }) => alias))
  const alias = suggestAlias(subject)
  let free = alias
  for (let number = 2; taken.has(free); number++) free = `${alias}-${number}`
  return free
}
