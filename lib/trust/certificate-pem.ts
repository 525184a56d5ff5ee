import { X509Certificate } from 'node:crypto'
import { corruptFile } from './keystore-error.ts'

/** A certificate of a PEM text. */
export interface PemCertificate {
  /** From a line `# alias: NAME` (ours) or `friendlyName: NAME` (openssl) above it. */
  readonly alias: string | undefined
  readonly certificate: X509Certificate
  /** Position of its text, including the comment lines above it. */
  readonly start: number
  readonly end: number
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----(?:(?!-----BEGIN )[\s\S])*?-----END \1-----\r?\n?/g
const CERTIFICATE_LABELS: ReadonlySet<string> = new Set(['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE'])
const ALIAS = /^(?:#[ \t]*alias|[ \t]*friendlyName):(.*)$/gm

const aliasIn = (text: string): string | undefined =>
  [...text.matchAll(ALIAS)].map(([, name = '']) => name.trim()).findLast((name) => name !== '')

/**
 * The certificates of a PEM text; other blocks (keys) are skipped.
 * @throws KeystoreError for a truncated block, or one that holds no certificate
 */
export function readPem(text: string, file: string): PemCertificate[] {
  const blocks = [...text.matchAll(BLOCK)]
  if (blocks.length !== text.split('-----BEGIN ').length - 1)
    throw corruptFile(file, 'ends in the middle of a PEM block')
  let start = 0
  return blocks.flatMap((block, position) => {
    const above = text.slice(start, block.index)
    const entry = { start, end: block.index + block[0].length }
    start = entry.end
    if (!CERTIFICATE_LABELS.has(block[1] ?? '')) return []
    return [{ ...entry, alias: aliasIn(above), certificate: parse(block[0], file, position + 1) }]
  })
}

function parse(pem: string, file: string, position: number): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw corruptFile(file, `its PEM block number ${position} is no certificate`)
  }
}
