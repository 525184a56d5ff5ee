import type { IncomingMessage } from 'node:http'
import { badRequest } from '../errors.ts'
import { authorityOf } from './message.ts'

const ABSOLUTE = /^https?:\/\/([^/?#]*)/i

/** `http://host/path` as `/path` (RFC 9112, section 3.2.2); any other form as it is. */
export function originForm(target: string): string {
  const { 0: absolute } = ABSOLUTE.exec(target) ?? ['']
  if (absolute === '') return target
  const rest = target.slice(absolute.length)
  return rest.startsWith('/') ? rest : `/${rest}`
}

/**
 * An absolute target names a host as well, which must be the one of the Host header: readers before and behind us may go
 * by either of them.
 * @throws ResourceException 400
 */
export function checkAuthority(request: IncomingMessage, target: string): void {
  const authority = ABSOLUTE.exec(target)?.[1]
  if (authority === undefined) return
  if (authority.toLowerCase() === authorityOf(request)?.toLowerCase()) return
  throw badRequest('The request target and the Host header name different hosts')
}
