import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { KeyEntry } from 'jks-js'
import type { Secret } from '../core/secret.ts'
import { type Asn1, type Asn1Certificate, encodeCertificate, encodeDer, type RsaKey, rsaKey } from './keystore-der.ts'
import { corruptFile, KeystoreError, unsupportedContent, unsupportedStore, wrongPassword } from './keystore-error.ts'
import { formatOf } from './keystore-format.ts'

/** A key store as it stands in memory. */
export interface KeystoreSource {
  /** For messages. */
  readonly file: string
  readonly bytes: Buffer
  readonly password: string | Secret
}

export interface StoredCertificate {
  /** The name keytool gave it; undefined in a store that openssl wrote. */
  readonly alias: string | undefined
  readonly certificate: X509Certificate
}

export interface StoredKey {
  readonly alias: string | undefined
  readonly key: KeyObject
  /** The key's own certificate, then its issuers as far as the store holds them. */
  readonly chain: readonly X509Certificate[]
}

/** What jks-js returns for PKCS12 (its types say otherwise). */
interface Bag {
  readonly attributes: { readonly friendlyName?: readonly string[] }
  readonly cert?: Asn1Certificate | null
  readonly key?: RsaKey | null
  readonly asn1?: Asn1
}

type JksLibrary = typeof import('jks-js')

/** Loaded at first use: it takes 60 ms, and most gateways trust with PEM or the system's roots alone. */
const library = (): Promise<JksLibrary> => import('jks-js')

/**
 * All certificates of a PKCS12 or JKS store, those of key entries included. The password is checked.
 * Reading blocks for 20 to 400 ms (the store's own key derivation): once for each change, never for a request.
 * @throws KeystoreError: wrong password, damaged file, or a format that cannot be read (JCEKS)
 */
export async function readCertificates(source: KeystoreSource): Promise<StoredCertificate[]> {
  if (isJks(source)) return (await readJks(source)).flatMap(jksCertificates)
  const bags = await readPkcs12(source)
  return reading(source, () => bags.flatMap(bagCertificate))
}

/**
 * The private keys of a PKCS12 or JKS store, each with its chain.
 * @throws KeystoreError as {@link readCertificates}
 */
export async function readPrivateKeys(source: KeystoreSource): Promise<StoredKey[]> {
  if (isJks(source)) return jksKeys(source)
  const bags = await readPkcs12(source)
  return reading(source, () => {
    const certificates = bags.flatMap(bagCertificate).map(({ certificate }) => certificate)
    return bags.flatMap(bagKey).map((entry) => ({ ...entry, chain: chainFor(entry.key, certificates) }))
  })
}

function isJks({ file, bytes }: KeystoreSource): boolean {
  const format = formatOf(bytes)
  if (format === 'JCEKS') throw unsupportedStore(file)
  if (format !== 'JKS' && format !== 'PKCS12') throw corruptFile(file, 'is no key store (neither PKCS12 nor JKS)')
  return format === 'JKS'
}

async function readPkcs12(source: KeystoreSource): Promise<readonly Bag[]> {
  const { parsePkcs12 } = await library()
  return reading(source, () => parsePkcs12(source.bytes, reveal(source.password)) as unknown as readonly Bag[])
}

async function readJks(source: KeystoreSource) {
  const { parseJks } = await library()
  return reading(source, () => parseJks(source.bytes, jksPassword(source)))
}

async function jksKeys(source: KeystoreSource): Promise<StoredKey[]> {
  const entries = await readJks(source)
  const { decrypt } = await library()
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

function bagCertificate({ attributes, cert, asn1 }: Bag): StoredCertificate[] {
  if (cert === undefined) return []
  const der = cert ? encodeCertificate(cert) : asn1 && encodeDer(asn1)
  return der ? [{ alias: attributes.friendlyName?.[0], certificate: new X509Certificate(der) }] : []
}

function bagKey({ attributes, key, asn1 }: Bag): { alias: string | undefined; key: KeyObject }[] {
  if (key === undefined) return []
  const alias = attributes.friendlyName?.[0]
  if (key) return [{ alias, key: rsaKey(key) }]
  return asn1 ? [{ alias, key: createPrivateKey({ key: encodeDer(asn1), format: 'der', type: 'pkcs8' }) }] : []
}

function chainFor(key: KeyObject, certificates: readonly X509Certificate[]): X509Certificate[] {
  const own = certificates.find((certificate) => certificate.checkPrivateKey(key))
  const chain = own ? [own] : []
  const next = (last: X509Certificate) => certificates.find((issuer) => last.checkIssued(issuer))
  for (let last = own && next(own); last && !chain.includes(last); last = next(last)) chain.push(last)
  return chain
}

/** An empty password would make jks-js skip the check of the whole file. */
function jksPassword({ file, password }: KeystoreSource): string {
  const text = reveal(password)
  if (text === '') throw wrongPassword(file)
  return text
}

const reveal = (password: string | Secret): string => (typeof password === 'string' ? password : password.reveal())

/** Puts the library's errors into our words: its texts are for programmers, and none of them names the file. */
function reading<T>({ file }: KeystoreSource, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof KeystoreError) throw error
    const text = error instanceof Error ? error.message : ''
    if (/password|decrypt|recover key/i.test(text)) throw wrongPassword(file)
    if (/unsupported/i.test(text)) throw unsupportedContent(file)
    throw corruptFile(file, 'is damaged: it begins as a key store and does not go on as one')
  }
}
