import { createHash, X509Certificate } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { readFileBounded } from '../config/files/file-read.ts'
import type { Secret } from '../core/secret.ts'
import { readPem } from './certificate-pem.ts'
import { readCertificates } from './keystore.ts'
import { corruptFile, emptyStore, KeystoreError, unreadableFile } from './keystore-error.ts'
import { formatOf } from './keystore-format.ts'

/** A certificate of the trust store. */
export interface TrustedCertificate {
  readonly alias: string
  readonly subject: string
  readonly issuer: string
  readonly validFrom: Date
  readonly validTo: Date
  /** SHA-256, `AA:BB:…`. */
  readonly fingerprint256: string
  readonly pem: string
  readonly file: string
}

/** A file as last read. */
export interface TrustFile {
  /** Of bytes and password: a file is parsed once per change. */
  readonly digest: string
  readonly certificates: readonly TrustedCertificate[]
  readonly error?: KeystoreError
}

/**
 * The files at a path: the path itself, or the certificate files of a directory in order of name; undefined if missing.
 * @throws KeystoreError when the path cannot be read
 */
export async function trustFilesAt(path: string): Promise<string[] | undefined> {
  try {
    if (!(await stat(path)).isDirectory()) return [path]
    const names = (await readdir(path)).filter((name) => /^[^.].*\.(pem|crt|cer)$/i.test(name))
    return names.sort().map((name) => join(path, name))
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw unreadableFile(path, error)
  }
}

/**
 * Reads a file. One that cannot be used keeps its last good certificates; a valid one without certificates holds none,
 * since removing the last certificate must remove trust.
 * @param previous the file as last read
 * @returns undefined when the file is missing
 */
export async function readTrustFile(
  file: string,
  password: string | Secret,
  previous: TrustFile | undefined,
): Promise<TrustFile | undefined> {
  const kept = previous?.certificates ?? []
  try {
    const { bytes } = readFileBounded(file)
    const digest = createHash('sha256').update(bytes).update(revealed(password)).digest('base64')
    return digest === previous?.digest ? previous : { digest, ...(await certificatesOf(file, bytes, password, kept)) }
  } catch (error) {
    return isAbsent(error) ? undefined : { digest: '', certificates: kept, error: unreadableFile(file, error) }
  }
}

type Content = Pick<TrustFile, 'certificates' | 'error'>

async function certificatesOf(
  file: string,
  bytes: Buffer,
  password: string | Secret,
  kept: readonly TrustedCertificate[],
): Promise<Content> {
  // Not a partial write: emptying the file is how people remove the last certificate, and it must remove trust.
  if (bytes.toString('latin1').trim() === '') return { certificates: [], error: emptyStore(file) }
  try {
    const found = await parse(file, bytes, password)
    const certificates = found.map(({ alias, certificate }, position) =>
      entryOf(file, alias ?? nameByFile(file, found.length, position), certificate),
    )
    return certificates.length > 0 ? { certificates } : { certificates, error: emptyStore(file) }
  } catch (error) {
    if (error instanceof KeystoreError) return { certificates: kept, error }
    throw error
  }
}

type Found = readonly { readonly alias: string | undefined; readonly certificate: X509Certificate }[]

async function parse(file: string, bytes: Buffer, password: string | Secret): Promise<Found> {
  switch (formatOf(bytes)) {
    case undefined:
      throw corruptFile(file, 'is neither PKCS12, nor JKS, nor PEM')
    case 'PEM':
      return readPem(bytes.toString('utf8'), file)
    case 'DER':
      return [{ alias: undefined, certificate: readDer(file, bytes) }]
    default:
      return readCertificates({ file, bytes, password })
  }
}

function readDer(file: string, bytes: Buffer): X509Certificate {
  try {
    return new X509Certificate(bytes)
  } catch {
    throw corruptFile(file, 'is neither PKCS12, nor JKS, nor PEM, nor a certificate')
  }
}

function nameByFile(file: string, count: number, position: number): string {
  const name = basename(file).replace(/\.[^.]+$/, '')
  return count === 1 ? name : `${name}-${position + 1}`
}

const entryOf = (file: string, alias: string, certificate: X509Certificate): TrustedCertificate => ({
  alias,
  subject: certificate.subject,
  issuer: certificate.issuer,
  validFrom: certificate.validFromDate,
  validTo: certificate.validToDate,
  fingerprint256: certificate.fingerprint256,
  pem: certificate.toString(),
  file,
})

const revealed = (password: string | Secret): string => (typeof password === 'string' ? password : password.reveal())

const isAbsent = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
