/**
 * What is refused before anything else happens. Everything here is judged on the raw request; what passes is
 * forwarded byte for byte.
 */
import type { IncomingMessage } from 'node:http'
import { badRequest, methodNotAllowed, notSupported, ResourceException } from '../crest/errors.ts'
import { refuseAmbiguousHeaders } from '../crest/http/ambiguous-headers.ts'
import { asksForWebSocket } from '../crest/http/message.ts'

export { guardPath } from '../remote/resource/path-guard.ts'

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/**
 * @throws ResourceException 405 for a method that HTTP proxies must not forward, 501 for a WebSocket, 400 for
 * framing and for headers that make of it another request at the remote than the one that was judged
 */
export function guardRequest(request: IncomingMessage): void {
  const { method = '', headers } = request
  if (!METHODS.has(method)) throw methodNotAllowed(`Method ${method} is not allowed on a remote instance`)
  // The host may have judged the request as the other method; the remote would be sent this one.
  if (headers['x-http-method-override'] !== undefined)
    throw badRequest('X-HTTP-Method-Override is not supported on a remote instance: send the method itself')
  refuseAmbiguousHeaders(request)
  if (asksForWebSocket(request)) throw notSupported('WebSockets are not supported on a remote instance')
  // Only a lenient parser lets such a name pass, which it then takes for framing, and we would not
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
 * Express 4 takes `/openidm//x` for `/x` behind its mount; what else the host put before `/openidm/x` does not
 * (docs/pitfalls.md#two-readers-of-one-path).
 */
function guardAddress(request: IncomingMessage): void {
  const { originalUrl } = request as { originalUrl?: unknown }
  if (typeof originalUrl !== 'string' || !originalUrl.includes('//')) return
  guardEmptySegments((originalUrl.split('?', 1)[0] ?? '').slice(1))
}

/**
 * @throws ResourceException 400: the remote and the access rules before us could read an empty segment differently
 * (docs/pitfalls.md#two-readers-of-one-path)
 */
export function guardEmptySegments(path: string): void {
  if (path.includes('//') || path.startsWith('/')) throw badRequest('The path holds an empty segment')
}

/**
 * Stops a request that has already been through this gateway and asks for a proxied path again: A -> B -> A. An
 * instance that points at the gateway itself is legal.
 * @throws ResourceException 508
 */
export function guardLoop(via: string | undefined, pseudonym: string): void {
  if (via?.includes(pseudonym)) {
    throw new ResourceException(508, 'The request has come back to this gateway: its instances form a loop')
  }
}
