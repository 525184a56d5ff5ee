/**
 * The headers that pass, in both directions: deny by default (docs/pitfalls.md#credentials-and-headers). What the
 * caller sent for the gateway (Authorization, cookies, X-OpenIDM-*) is the gateway's; the remote sees the instance's
 * credentials.
 */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { hasBody, isEncrypted, isHttp2, peerAddress } from '../crest/http/message.ts'
import { DEFAULT_API_VERSION, USER_AGENT } from '../remote/auth/authentication.ts'
import type { Instance } from '../remote/instance/instance.ts'

const REQUEST_HEADERS = [
  'accept',
  'accept-api-version',
  'accept-encoding',
  'accept-language',
  'content-encoding',
  'content-language',
  'content-length',
  'content-type',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'range',
  'transfer-encoding',
] as const

const RESPONSE_HEADERS = [
  'accept-ranges',
  'allow',
  'cache-control',
  'content-api-version',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-range',
  'content-type',
  'etag',
  'expires',
  'last-modified',
  'pragma',
  'retry-after',
  'vary',
  'warning',
] as const

/** What says where a body ends; no `Connection` header can take it away. */
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding'])

/** Schemes of a `Location` that may pass as it is. */
const WEB: ReadonlySet<string> = new Set(['http:', 'https:'])

const TRANSACTION_ID = 'x-forgerock-transactionid'

export interface Forwarding {
  /** Names this gateway in `Via`. */
  readonly pseudonym: string
  /** True when the host has checked or set the transaction id; a stranger's is dropped. */
  readonly trustTransactionId: boolean
}

/** The caller's headers as far as they pass, and ours but for the credentials, which are added at the last moment. */
export function requestHeaders(
  request: IncomingMessage,
  { target }: Pick<Instance, 'target'>,
  { pseudonym, trustTransactionId }: Forwarding,
): IncomingHttpHeaders {
  const from = request.headers
  const to: Record<string, string | string[]> = {}
  for (const name of REQUEST_HEADERS) {
    const value = from[name]
    if (value !== undefined) to[name] = value
  }
  dropNamed(from.connection, to)
  // HTTP/2 frames a body of unknown length by itself.
  if (isHttp2(request) && to['content-length'] === undefined && hasBody(request)) to['transfer-encoding'] = 'chunked'
  // The caller's is this gateway's (docs/pitfalls.md#callers-host-as-tls-name).
  to.host = target.host
  to['accept-api-version'] ??= DEFAULT_API_VERSION
  to['user-agent'] = USER_AGENT
  to.via = from.via === undefined ? `1.1 ${pseudonym}` : `${from.via}, 1.1 ${pseudonym}`
  const address = peerAddress(request)
  if (address !== undefined) to['x-forwarded-for'] = address
  to['x-forwarded-proto'] = isEncrypted(request) ? 'https' : 'http'
  const transactionId = from[TRANSACTION_ID]
  if (trustTransactionId && typeof transactionId === 'string') to[TRANSACTION_ID] = `${transactionId}/0`
  return to
}

/** The exchange that response headers belong to. */
export interface ResponseContext {
  readonly instance: Instance
  /** URL of the instance at this gateway. */
  readonly localBase: string
  /** Path below the instance. */
  readonly path: string
  readonly response: ServerResponse
}

/**
 * The remote's headers as far as they pass. Framing is ours: hop-by-hop headers are dropped, and a length that belongs
 * to no body (204; a real remote sends one with 304) as well.
 */
export function responseHeaders(
  response: IncomingMessage,
  { instance, localBase, path, response: own }: ResponseContext,
): OutgoingHttpHeaders {
  const from = response.headers
  const to: Record<string, string | string[]> = {}
  for (const name of RESPONSE_HEADERS) {
    const value = from[name]
    if (value !== undefined) to[name] = value
  }
  dropNamed(from.connection, to)
  if (response.statusCode === 204 || response.statusCode === 304) delete to['content-length']
  const location = from.location === undefined ? undefined : localLocation(from.location, instance, localBase, path)
  if (location !== undefined) to.location = location
  if (from.vary !== undefined && own.hasHeader('vary')) to.vary = mergeVary(own.getHeader('vary'), from.vary)
  return to
}

/** The host's answer depends on what the host looked at, and on what the remote looked at. */
function mergeVary(...fields: readonly unknown[]): string {
  const names = fields.flatMap((field) => String(field).split(',')).map((name) => name.trim())
  const distinct = new Map(names.filter(Boolean).map((name) => [name.toLowerCase(), name]))
  return distinct.has('*') ? '*' : [...distinct.values()].join(', ')
}

/**
 * A header that `Connection` names is for one hop (RFC 9110, 7.6.1; docs/pitfalls.md#headers-named-in-connection).
 * Called before ours are added.
 */
function dropNamed(connection: string | undefined, headers: Record<string, string | string[]>): void {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return
  for (const option of connection.toLowerCase().split(',')) {
    const name = option.trim()
    if (!FRAMING.has(name)) delete headers[name]
  }
}

/** What the remote writes there is between it and the third host; browsers would use it. */
function withoutCredentials(address: URL): string {
  address.username = ''
  address.password = ''
  return address.href
}

/**
 * A `Location` at the remote as the caller can use it: below the local route where it is below the instance, absolute
 * otherwise; never with credentials. What is no web address is dropped.
 */
export function localLocation(
  location: string,
  { url }: Instance,
  localBase: string,
  path: string,
): string | undefined {
  // Relative in any case: a path may begin as an address of another scheme does.
  const base = new URL(`./${path}`, url)
  if (!URL.canParse(location, base.href)) return undefined
  const absolute = new URL(location, base)
  if (!WEB.has(absolute.protocol)) return undefined
  if (absolute.host !== url.host || !absolute.pathname.startsWith(url.pathname)) return withoutCredentials(absolute)
  return localBase + absolute.pathname.slice(url.pathname.length) + absolute.search
}
