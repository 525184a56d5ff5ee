import type { IncomingMessage } from 'node:http'
import { badRequest } from '../errors.ts'
import { authorityOf } from './message.ts'

const ABSOLUTE = /^https?:\/\/([^/?#]*)/i

/** Converts `http://host/path` to `/path` (RFC 9112, section 3.2.2); any other form is unchanged. */
export function originForm(target: string): string {
  const { 0: absolute } = ABSOLUTE.exec(target) ?? ['']
  if (absolute === '') return target
  const rest = target.slice(absolute.length)
  return rest.startsWith('/') ? rest : `/${rest}`
}

/**
 * The host of an absolute target must be equal to the Host header, since other readers may use either of them.
 * @throws ResourceException 400
 */
export function checkAuthority(request: IncomingMessage, target: string): void {
  const authority = ABSOLUTE.exec(target)?.[1]
  if (authority === undefined) return
  if (authority.toLowerCase() === authorityOf(request)?.toLowerCase()) return
  throw badRequest('The request target and the Host header name different hosts')
}
