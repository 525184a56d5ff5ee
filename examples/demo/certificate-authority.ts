import { randomBytes, type webcrypto } from 'node:crypto'
import { createRequire } from 'node:module'
import { isIP } from 'node:net'
import type * as X509 from '@peculiar/x509'

/** A certificate and its private key, both PEM; the key is PKCS#8. */
export interface KeyPair {
  readonly certificate: string
  readonly key: string
}

/** A certificate authority: whoever holds `key` can issue. */
export type Authority = KeyPair

export interface CertificateRequest {
  /** DNS names (also `*.example.com`) and IP addresses; they become the subject alternative names. */
  readonly hosts: readonly string[]
  /** Length of validity from `notBefore`; 365 unless given. Ignored with `notAfter`. */
  readonly days?: number
  readonly notBefore?: Date
  readonly notAfter?: Date
  /** Shown to people only; the first host unless given. */
  readonly commonName?: string
  /** For a client (mutual TLS) in place of a server. */
  readonly client?: boolean
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000
const AUTHORITY_DAYS = 3650
/** A peer whose clock is a little behind must still accept a certificate made just now. */
const BACKDATE_MS = 300_000
/** RFC 5280, ub-common-name. */
const COMMON_NAME_LIMIT = 64

let library: typeof X509 | undefined

/** What the library asks the missing reflection polyfill while it loads; "nothing" is the true answer for its classes. */
const reflection = { getMetadata: () => undefined, getOwnMetadata: () => undefined }

/**
 * Loads the library at first use: a gateway that brings its own certificate never pays for it. The library (through
 * tsyringe) refuses to load without a reflection polyfill; it gets a stand-in that is withdrawn before anybody else runs.
 */
function x509(): typeof X509 {
  if (library) return library
  const polyfilled = 'getMetadata' in Reflect
  if (!polyfilled) Object.assign(Reflect, reflection)
  try {
    library = createRequire(import.meta.url)('@peculiar/x509') as typeof X509
    return library
  } finally {
    if (!polyfilled) for (const name of Object.keys(reflection)) Reflect.deleteProperty(Reflect, name)
  }
}

/** Makes a self-signed certificate authority that may issue end-entity certificates only; valid for ten years. */
export async function createAuthority(name: string): Promise<Authority> {
  const { X509CertificateGenerator, BasicConstraintsExtension, KeyUsagesExtension, KeyUsageFlags } = x509()
  const keys = await newKeys()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity({ days: AUTHORITY_DAYS }),
    serialNumber: serialNumber(),
    name: subject(name),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ...(await keyIdentifiers(keys.publicKey, keys.publicKey)),
    ],
  })
  return pem(certificate, keys.privateKey)
}

/**
 * Issues a certificate for a server, or with `client` for a client.
 * @throws TypeError when the request names nobody or its end lies before its beginning
 */
export async function issueCertificate(authority: Authority, request: CertificateRequest): Promise<KeyPair> {
  const commonName = request.commonName ?? request.hosts[0]
  if (commonName === undefined) throw new TypeError('a certificate needs at least one of: hosts, commonName')
  const issuer = new (x509().X509Certificate)(authority.certificate)
  const issuerKey = await issuer.publicKey.export()
  const keys = await newKeys()
  const certificate = await x509().X509CertificateGenerator.create({
    ...validity(request),
    serialNumber: serialNumber(),
    issuer: issuer.subjectName.toJSON(),
    subject: subject(commonName),
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: ALGORITHM,
    extensions: [...endEntityExtensions(request), ...(await keyIdentifiers(keys.publicKey, issuerKey))],
  })
  return pem(certificate, keys.privateKey)
}

/** An EC key signs, it never enciphers: hence digitalSignature alone. */
function endEntityExtensions({ hosts, client = false }: CertificateRequest): X509.Extension[] {
  const x = x509()
  const purpose = client ? x.ExtendedKeyUsage.clientAuth : x.ExtendedKeyUsage.serverAuth
  const names = hosts.map((host) => ({ type: isIP(host) ? ('ip' as const) : ('dns' as const), value: host }))
  return [
    new x.BasicConstraintsExtension(false, undefined, true),
    new x.KeyUsagesExtension(x.KeyUsageFlags.digitalSignature, true),
    new x.ExtendedKeyUsageExtension([purpose]),
    ...(names.length > 0 ? [new x.SubjectAlternativeNameExtension(names)] : []),
  ]
}

async function keyIdentifiers(own: webcrypto.CryptoKey, issuer: webcrypto.CryptoKey): Promise<X509.Extension[]> {
  const { SubjectKeyIdentifierExtension, AuthorityKeyIdentifierExtension } = x509()
  return [await SubjectKeyIdentifierExtension.create(own), await AuthorityKeyIdentifierExtension.create(issuer)]
}

function validity(request: Pick<CertificateRequest, 'days' | 'notBefore' | 'notAfter'>) {
  const notBefore = request.notBefore ?? new Date(Date.now() - BACKDATE_MS)
  const notAfter = request.notAfter ?? new Date(notBefore.getTime() + (request.days ?? 365) * DAY_MS)
  if (notAfter <= notBefore) throw new TypeError('notAfter: must lie behind notBefore')
  return { notBefore, notAfter }
}

/** As an object, so that a comma or an equals sign in a name stays part of it. */
const subject = (commonName: string): X509.JsonName => [{ CN: [commonName.slice(0, COMMON_NAME_LIMIT)] }]

/** 128 random bits; the first is 0 and the second 1, so that the number is positive and has one length (RFC 5280, 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0)
  return bytes.toString('hex')
}

const newKeys = (): Promise<webcrypto.CryptoKeyPair> => crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])

const importKey = (key: string): Promise<webcrypto.CryptoKey> =>
  crypto.subtle.importKey('pkcs8', x509().PemConverter.decodeFirst(key), ALGORITHM, false, ['sign'])

async function pem(certificate: X509.X509Certificate, privateKey: webcrypto.CryptoKey): Promise<KeyPair> {
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', privateKey)
  const key = x509().PemConverter.encode(pkcs8, 'PRIVATE KEY')
  return { certificate: `${certificate.toString('pem')}\n`, key: `${key}\n` }
}
