/**
 * Checks that come before everything else. They examine the raw request; a request that passes is forwarded byte for
 * byte.
 */
import type { IncomingMessage } from 'node:http'
import { badRequest, methodNotAllowed, notSupported, ResourceException } from '../crest/errors.ts'
import { refuseAmbiguousHeaders } from '../crest/http/ambiguous-headers.ts'
import { asksForWebSocket } from '../crest/http/message.ts'

export { guardPath } from '../remote/resource/path-guard.ts'

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/**
 * @throws ResourceException 405 for a method that must not be forwarded, 501 for a WebSocket, 400 for ambiguous framing
 * and for headers with which the remote would see a different request than the one that was checked
 */
export function guardRequest(request: IncomingMessage): void {
  const { method = '', headers } = request
  if (!METHODS.has(method)) throw methodNotAllowed(`Method ${method} is not allowed`)
  // The host may have authorised the other method; the remote would receive this one.
  if (headers['x-http-method-override'] !== undefined)
    throw badRequest('X-HTTP-Method-Override is not supported: send the method itself')
  refuseAmbiguousHeaders(request)
  if (asksForWebSocket(request)) throw notSupported('WebSockets are not supported')
  // Only a lenient parser accepts such a name; it may treat it as framing, and the remote may not
  // (docs/pitfalls.md#request-smuggling).
  for (const name in headers) if (name.endsWith(' ')) throw badRequest('A header name ends in a space')
  guardAddress(request)
  const coding = headers['transfer-encoding']
  if (coding === undefined) return
  if (coding.trim().toLowerCase() !== 'chunked') throw badRequest('Transfer-Encoding must be chunked')
  if (headers['content-length'] !== undefined)
    throw badRequest('Transfer-Encoding and Content-Length exclude each other')
}

/**
 * Express 4 reads `/openidm//x` as `/x` below its mount; access rules of the host may read it differently
 * (docs/pitfalls.md#two-readers-of-one-path).
 */
function guardAddress(request: IncomingMessage): void {
  const { originalUrl } = request as { originalUrl?: unknown }
  if (typeof originalUrl !== 'string' || !originalUrl.includes('//')) return
  guardEmptySegments((originalUrl.split('?', 1)[0] ?? '').slice(1))
}

/**
 * @throws ResourceException 400: the remote and the access rules of the host could read an empty segment differently
 * (docs/pitfalls.md#two-readers-of-one-path)
 */
export function guardEmptySegments(path: string): void {
  if (path.includes('//') || path.startsWith('/')) throw badRequest('The path holds an empty segment')
}

/**
 * Stops a loop: a request that has already been through this gateway and asks for a proxied path again. An instance that
 * points to the gateway itself is allowed.
 * @throws ResourceException 508
 */
export function guardLoop(via: string | undefined, pseudonym: string): void {
  if (via?.includes(pseudonym)) {
    throw new ResourceException(508, 'The request has come back to this gateway: its instances form a loop')
  }
}
