import { createPrivateKey, type KeyObject } from 'node:crypto'

/**
 * jks-js hands PKCS12 content over as objects of its ASN.1 reader (node-forge), which is no dependency of ours: this
 * file puts them back into the bytes that Node understands. Only what these objects promise is described here.
 */
export interface Asn1 {
  readonly tagClass: number
  readonly type: number
  readonly constructed: boolean
  /** Bytes, one a character; or the parts. Characters of 16 bits in a BMPString. */
  readonly value: string | readonly Asn1[]
  /** The bytes of a BIT STRING that the reader also took apart. */
  readonly bitStringContents?: string
}

/** A certificate the reader understood (RSA); others stay an Asn1. */
export interface Asn1Certificate {
  readonly tbsCertificate: Asn1
  /** Bytes, one a character. */
  readonly signature: string
}

export interface RsaKey {
  readonly n: Big
  readonly e: Big
  readonly d: Big
  readonly p: Big
  readonly q: Big
  readonly dP: Big
  readonly dQ: Big
  readonly qInv: Big
}

interface Big {
  toString(radix: number): string
}

const SEQUENCE = 0x30
const BIT_STRING = 0x03
const BMP_STRING = 0x1e
const CONSTRUCTED = 0x20

export function encodeDer(node: Asn1): Buffer {
  const tag = node.tagClass | node.type
  if (node.bitStringContents !== undefined) return tagged(tag, Buffer.from(node.bitStringContents, 'latin1'))
  if (typeof node.value !== 'string') return tagged(tag | CONSTRUCTED, Buffer.concat(node.value.map(encodeDer)))
  const isUniversal = node.tagClass === 0
  const content = Buffer.from(node.value, isUniversal && node.type === BMP_STRING ? 'utf16le' : 'latin1')
  if (isUniversal && node.type === BMP_STRING) content.swap16()
  return tagged(node.constructed ? tag | CONSTRUCTED : tag, content)
}

/** The signature's algorithm stands inside the signed part as well, and both must be the same (RFC 5280, 4.1.1.2). */
export function encodeCertificate({ tbsCertificate, signature }: Asn1Certificate): Buffer {
  const algorithm = signatureAlgorithm(tbsCertificate)
  const bits = tagged(BIT_STRING, Buffer.concat([Buffer.of(0), Buffer.from(signature, 'latin1')]))
  return tagged(SEQUENCE, Buffer.concat([encodeDer(tbsCertificate), encodeDer(algorithm), bits]))
}

/** Third part of the signed part: `[0] version, serialNumber, signature, …`; a version 1 certificate has no version. */
function signatureAlgorithm({ value: parts }: Asn1): Asn1 {
  const versioned = typeof parts !== 'string' && parts[0]?.tagClass === 0x80
  const algorithm = typeof parts === 'string' ? undefined : parts[versioned ? 2 : 1]
  if (!algorithm) throw new TypeError('a certificate without signature algorithm')
  return algorithm
}

export function rsaKey(key: RsaKey): KeyObject {
  const { n, e, d, p, q, dP: dp, dQ: dq, qInv: qi } = key
  const numbers = Object.entries({ n, e, d, p, q, dp, dq, qi }).map(([name, number]) => [name, base64url(number)])
  return createPrivateKey({ key: { kty: 'RSA', ...Object.fromEntries(numbers) }, format: 'jwk' })
}

function base64url(number: Big): string {
  const hex = number.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url')
}

function tagged(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag), lengthBytes(content.length), content])
}

function lengthBytes(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length)
  const hex = length.toString(16)
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  return Buffer.concat([Buffer.of(0x80 | bytes.length), bytes])
}
