import type { IncomingHttpHeaders } from 'node:http'
import { unauthorized } from '../../crest/errors.ts'

export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'none' }

/**
 * The credentials of a request: the first of `X-OpenIDM-Username` and `-Password`, `Authorization: Basic`, `Bearer`.
 * The others are ignored, so that a request has at most one identity.
 * @throws ResourceException 401 for an unsupported Authorization header
 */
export function credentialsOf(headers: IncomingHttpHeaders): Credentials {
  const username = headers['x-openidm-username']
  const password = headers['x-openidm-password']
  if (username !== undefined || password !== undefined) {
    return { kind: 'password', username: headerText(username), password: headerText(password) }
  }
  if (headers.authorization === undefined) return { kind: 'none' }
  const text = headers.authorization.trim()
  const end = text.search(/\s/)
  const [scheme, value] = end < 0 ? [text, ''] : [text.slice(0, end), text.slice(end).trim()]
  if (scheme.toLowerCase() === 'basic') return ofBasic(value)
  if (scheme.toLowerCase() === 'bearer' && value !== '') return { kind: 'bearer', token: value }
  throw unauthorized('Access Denied')
}

function ofBasic(value: string): Credentials {
  const text = utf8(Buffer.from(value, 'base64'))
  const colon = text.indexOf(':')
  if (colon < 0) throw unauthorized('Access Denied')
  return { kind: 'password', username: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** Decodes RFC 5987: `UTF-8''m%C3%BCller` is `müller`. Raw bytes are decoded as UTF-8 if valid. */
export function headerText(header: string | string[] | undefined): string {
  const text = typeof header === 'string' ? header : ''
  if (text.includes("'")) {
    const [, charset, encoded] = /^(utf-8|iso-8859-1)'[^']*'(.*)$/is.exec(text) ?? []
    if (charset !== undefined && encoded !== undefined) return decodeExtended(charset, encoded) ?? text
  }
  return /[^\0-\x7f]/.test(text) ? utf8(Buffer.from(text, 'latin1')) : text
}

function decodeExtended(charset: string, encoded: string): string | undefined {
  if (!/^(?:[\w!#$&+.^`|~-]|%[\da-f]{2})*$/i.test(encoded)) return undefined
  const bytes = Buffer.from(
    encoded.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
  return charset.toLowerCase() === 'utf-8' ? utf8(bytes) : bytes.toString('latin1')
}

/** Node decodes headers as Latin-1, which is also the fallback for invalid UTF-8. */
function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return bytes.toString('latin1')
  }
}
