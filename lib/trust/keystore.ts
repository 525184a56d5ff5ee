import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { KeyEntry } from 'jks-js'
import type { asn1, pkcs12 } from 'node-forge'
import type { Secret } from '../core/secret.ts'
import { corruptFile, KeystoreError, unsupportedContent, unsupportedStore, wrongPassword } from './keystore-error.ts'
import { formatOf } from './keystore-format.ts'

/** A keystore in memory. */
export interface KeystoreSource {
  /** For messages. */
  readonly file: string
  readonly bytes: Buffer
  readonly password: string | Secret
}

export interface StoredCertificate {
  /** Undefined in a keystore that openssl wrote. */
  readonly alias: string | undefined
  readonly certificate: X509Certificate
}

export interface StoredKey {
  readonly alias: string | undefined
  readonly key: KeyObject
  /** The key's own certificate, then those of its issuers that the keystore holds. */
  readonly chain: readonly X509Certificate[]
}

/** JKS. Loaded at first use: it takes 60 ms, and most gateways trust PEM files or the system's roots alone. */
const jksLibrary = () => import('jks-js')
/** PKCS12, with the algorithms that OpenSSL 3 no longer offers (RC2); loaded at first use. */
const forgeLibrary = async () => (await import('node-forge')).default

/**
 * All certificates of a PKCS12 or JKS keystore, including those of key entries. Verifies the password. The key derivation
 * blocks for 20 to 400 ms; keystores are read at start and after changes, never for a request.
 * @throws KeystoreError: wrong password, damaged file, or an unsupported format (JCEKS)
 */
export async function readCertificates(source: KeystoreSource): Promise<StoredCertificate[]> {
  if (isJks(source)) return (await readJks(source)).flatMap(jksCertificates)
  return (await readPkcs12(source)).certificates
}

/**
 * The private keys of a PKCS12 or JKS keystore, each with its chain.
 * @throws KeystoreError as {@link readCertificates}
 */
export async function readPrivateKeys(source: KeystoreSource): Promise<StoredKey[]> {
  if (isJks(source)) return jksKeys(source)
  const { certificates, keys } = await readPkcs12(source)
  const candidates = certificates.map(({ certificate }) => certificate)
  return keys.map((entry) => ({ ...entry, chain: chainFor(entry.key, candidates) }))
}

function isJks({ file, bytes }: KeystoreSource): boolean {
  const format = formatOf(bytes)
  if (format === 'JCEKS') throw unsupportedStore(file)
  if (format !== 'JKS' && format !== 'PKCS12') throw corruptFile(file, 'is not a keystore (neither PKCS12 nor JKS)')
  return format === 'JKS'
}

async function readPkcs12(source: KeystoreSource) {
  const { asn1, pkcs12, pki } = await forgeLibrary()
  const bytesOf = (node: asn1.Asn1) => Buffer.from(asn1.toDer(node).getBytes(), 'latin1')
  const aliasOf = ({ attributes }: pkcs12.Bag): string | undefined => attributes.friendlyName?.[0]
  return reading(source, () => {
    const content = asn1.fromDer(source.bytes.toString('latin1'))
    const bags = pkcs12
      .pkcs12FromAsn1(content, reveal(source.password))
      .safeContents.flatMap(({ safeBags }) => safeBags)
    // The library parses RSA only; others stay ASN.1.
    const certificates = bags.flatMap((bag): StoredCertificate[] => {
      const node = bag.cert ? pki.certificateToAsn1(bag.cert) : bag.cert === null && bag.asn1
      return node ? [{ alias: aliasOf(bag), certificate: new X509Certificate(bytesOf(node)) }] : []
    })
    const keys = bags.flatMap((bag) => {
      const node = bag.key ? pki.wrapRsaPrivateKey(pki.privateKeyToAsn1(bag.key)) : bag.key === null && bag.asn1
      if (!node) return []
      return [{ alias: aliasOf(bag), key: createPrivateKey({ key: bytesOf(node), format: 'der', type: 'pkcs8' }) }]
    })
    return { certificates, keys }
  })
}

async function readJks(source: KeystoreSource) {
  const { parseJks } = await jksLibrary()
  return reading(source, () => parseJks(source.bytes, jksPassword(source)))
}

async function jksKeys(source: KeystoreSource): Promise<StoredKey[]> {
  const entries = await readJks(source)
  const { decrypt } = await jksLibrary()
  return reading(source, () =>
    entries.filter(isKeyEntry).map((entry) => ({
      alias: entry.alias,
      key: createPrivateKey(decrypt(entry.protectedPrivateKey, reveal(source.password))),
      chain: jksCertificates(entry).map(({ certificate }) => certificate),
    })),
  )
}

type JksEntry = Awaited<ReturnType<typeof readJks>>[number]

const isKeyEntry = (entry: JksEntry): entry is KeyEntry => 'chain' in entry

const jksCertificates = (entry: JksEntry): StoredCertificate[] =>
  (isKeyEntry(entry) ? entry.chain : [entry.cert]).map(({ value }) => ({
    alias: entry.alias,
    certificate: new X509Certificate(value),
  }))

function chainFor(key: KeyObject, certificates: readonly X509Certificate[]): X509Certificate[] {
  const own = certificates.find((certificate) => certificate.checkPrivateKey(key))
  const chain = own ? [own] : []
  const next = (last: X509Certificate) => certificates.find((issuer) => last.checkIssued(issuer))
  for (let last = own && next(own); last && !chain.includes(last); last = next(last)) chain.push(last)
  return chain
}

/** With an empty password jks-js would skip the integrity check. */
function jksPassword({ file, password }: KeystoreSource): string {
  const text = reveal(password)
  if (text === '') throw wrongPassword(file)
  return text
}

const reveal = (password: string | Secret): string => (typeof password === 'string' ? password : password.reveal())

/** Translates errors of the libraries: their messages are for programmers and do not name the file. */
function reading<T>({ file }: KeystoreSource, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof KeystoreError) throw error
    const text = error instanceof Error ? error.message : ''
    if (/password|decrypt|recover key/i.test(text)) throw wrongPassword(file)
    if (/unsupported/i.test(text)) throw unsupportedContent(file)
    throw corruptFile(file, 'is damaged: only its beginning is that of a keystore')
  }
}
