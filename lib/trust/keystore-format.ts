/** File formats for certificates and keys. */
export type KeystoreFormat = 'PKCS12' | 'JKS' | 'JCEKS' | 'PEM' | 'DER'

const JKS_MAGIC = 0xfeedfeed
const JCEKS_MAGIC = 0xcececece
const SEQUENCE = 0x30
const PEM_BEGIN = '-----BEGIN '
/** ASN.1 INTEGER 3: the version at the beginning of every PKCS12 file (RFC 7292, section 4). */
const PKCS12_VERSION = Buffer.from([2, 1, 3])

/**
 * Detects the format by content, not by name: keytool writes PKCS12 or JKS under any name.
 * @returns undefined for other content
 */
export function formatOf(bytes: Buffer): KeystoreFormat | undefined {
  if (bytes.length >= 4) {
    const magic = bytes.readUInt32BE(0)
    if (magic === JKS_MAGIC) return 'JKS'
    if (magic === JCEKS_MAGIC) return 'JCEKS'
  }
  if (bytes[0] === SEQUENCE) return bytes.subarray(contentStart(bytes)).indexOf(PKCS12_VERSION) === 0 ? 'PKCS12' : 'DER'
  return bytes.includes(PEM_BEGIN) || isComment(bytes) ? 'PEM' : undefined
}

/** Where the content of the outermost ASN.1 value begins: after its tag and one to five bytes of length. */
function contentStart(bytes: Buffer): number {
  const length = bytes[1] ?? 0
  return length > 0x80 ? 2 + (length & 0x7f) : 2
}

/** A bundle whose last certificate was removed: lines that are empty or begin with #. An empty file is not a bundle. */
function isComment(bytes: Buffer): boolean {
  const lines = bytes.subarray(0, 4096).toString('utf8').split('\n')
  return bytes.length > 0 && lines.every((line) => line.trim() === '' || line.trimStart().startsWith('#'))
}
