import type { IncomingHttpHeaders } from 'node:http'
import { unauthorized } from '../../crest/errors.ts'

export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'none' }

/**
 * What a request offers, the first of: `X-OpenIDM-Username` and `-Password`, `Authorization: Basic`, `Bearer`. Whatever
 * comes after the first is not looked at, so that a request has one identity or none.
 * @throws ResourceException 401 for an Authorization header that says nothing we understand
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

/** RFC 5987: `UTF-8''m%C3%BCller` is `müller`; raw bytes are read as UTF-8 when they are UTF-8. */
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

/** Node hands header bytes over as Latin-1; that is also what is meant when they are no UTF-8. */
function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return bytes.toString('latin1')
  }
}
