import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpContext, RequestContext } from '../protocol/request.ts'
import { authorityOf, isEncrypted, peerAddress } from './message.ts'
import type { HttpCall } from './request.ts'

/** Properties that Express adds: the original URL and, with `trust proxy`, the scheme of the caller. */
type HostRequest = IncomingMessage & { readonly originalUrl?: string; readonly protocol?: string }

/** Adds the HTTP request to a context, and a signal that aborts when the caller disconnects before the answer. */
export function httpContext(
  known: RequestContext,
  call: HttpCall,
  request: IncomingMessage,
  response: ServerResponse,
): RequestContext {
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) gone.abort()
  })
  return {
    ...known,
    http: known.http ?? describe(call, request),
    external: true,
    signal: known.signal ? AbortSignal.any([known.signal, gone.signal]) : gone.signal,
  }
}

function describe(call: HttpCall, request: HostRequest): HttpContext {
  // HTTP/2 has the parts of the request line of HTTP/1.1 among the headers.
  const own = Object.entries(request.headers).filter(([name]) => !name.startsWith(':') && !isCredential(name))
  const headers = own.map(([name, value]) => [name, String(value)] as const)
  return {
    method: call.method,
    path: fullPath(request),
    headers: Object.fromEntries(headers),
    parameters: call.parameters.all,
    remoteAddress: peerAddress(request) ?? '',
  }
}

/** Credentials for this gateway only: scripts see the caller in `context.security`. */
const isCredential = (name: string): boolean =>
  name === 'authorization' || name === 'proxy-authorization' || name === 'cookie' || /^x-openidm-.*password/.test(name)

const fullPath = (request: HostRequest): string => (request.originalUrl ?? request.url ?? '').split('?')[0] ?? ''

/** The URL of the request without query and trailing slash; only the path when the host is unknown. */
export function requestUrl(request: HostRequest): string {
  const path = fullPath(request).replace(/\/$/, '')
  const host = authorityOf(request)
  const scheme = request.protocol ?? (isEncrypted(request) ? 'https' : 'http')
  return host === undefined ? path : `${scheme}://${host}${path}`
}
