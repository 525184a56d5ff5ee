import { randomBytes, type webcrypto } from 'node:crypto'
import { createRequire } from 'node:module'
import { isIP } from 'node:net'
import type * as X509 from '@peculiar/x509'

/** A certificate and its private key, both PEM; the key is PKCS#8. */
export interface KeyPair {
  readonly certificate: string
  readonly key: string
}

/** A certificate authority; `key` signs certificates. */
export type Authority = KeyPair

export interface CertificateRequest {
  /** DNS names (also `*.example.com`) and IP addresses; they become the subject alternative names. */
  readonly hosts: readonly string[]
  /** Validity in days from `notBefore`. Default: 365. Ignored with `notAfter`. */
  readonly days?: number
  readonly notBefore?: Date
  readonly notAfter?: Date
  /** For display only. Default: the first host. */
  readonly commonName?: string
  /** Issues a client certificate (mutual TLS) instead of a server certificate. */
  readonly client?: boolean
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000
const AUTHORITY_DAYS = 3650
/** Tolerates peers whose clock is slightly behind. */
const BACKDATE_MS = 300_000
/** RFC 5280, ub-common-name. */
const MAX_COMMON_NAME_LENGTH = 64

let library: typeof X509 | undefined

/** Stub of the reflection polyfill; the classes of the library have no metadata. */
const reflection = { getMetadata: () => undefined, getOwnMetadata: () => undefined }

/**
 * Loads the library on first use, so that gateways with existing certificates do not pay for it. The library (through
 * tsyringe) requires a reflection polyfill to load; it gets a stub, which is removed afterwards.
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

/** Creates a self-signed certificate authority for end-entity certificates, valid for ten years. */
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
 * Issues a server certificate, or a client certificate with `client`.
 * @throws TypeError without a name, or if the end of the validity precedes its start
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

/** EC keys only sign: digitalSignature is the only usage. */
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
  if (notAfter <= notBefore) throw new TypeError('notAfter: must be after notBefore')
  return { notBefore, notAfter }
}

/** An object, so that commas and equals signs in a name need no escaping. */
const subject = (commonName: string): X509.JsonName => [{ CN: [commonName.slice(0, MAX_COMMON_NAME_LENGTH)] }]

/** 128 random bits starting with 01: the number is positive and has a fixed length (RFC 5280, 4.1.2.2). */
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
