/**
 * The header policy in both directions: deny by default (docs/pitfalls.md#credentials-and-headers). The caller's
 * credentials (Authorization, cookies, X-OpenIDM-*) are for the gateway; the remote gets the credentials of the instance.
 */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { TRACE_HEADERS } from '../core/telemetry/tracing.ts'
import { hasBody, isEncrypted, isHttp2, peerAddress } from '../crest/http/message.ts'
import { decodeValue, queryPairs } from '../crest/protocol/request-parameters.ts'
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

/** Message framing; a `Connection` header cannot remove it. */
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding'])

/** Schemes that a `Location` may have. */
const WEB: ReadonlySet<string> = new Set(['http:', 'https:'])

export const TRANSACTION_ID = 'x-forgerock-transactionid'
const REAUTH_PASSWORD = 'x-openidm-reauth-password'
const REAUTHENTICATION = 'authentication?'

export interface Forwarding {
  /** The name of this gateway in `Via`. */
  readonly pseudonym: string
  /** True if the host has checked or set the transaction id; otherwise it is dropped. */
  readonly trustTransactionId: boolean
}

/**
 * The headers for the remote, without credentials, which are added when the connection exists.
 * @param path of the request at the remote, with its query
 */
export function requestHeaders(
  request: IncomingMessage,
  path: string,
  { target, properties }: Pick<Instance, 'target' | 'properties'>,
  { pseudonym, trustTransactionId }: Forwarding,
): IncomingHttpHeaders {
  const from = request.headers
  const to: Record<string, string | string[]> = {}
  for (const name of REQUEST_HEADERS) {
    const value = from[name]
    if (value !== undefined) to[name] = value
  }
  if (properties.propagateTrace) for (const name of TRACE_HEADERS) if (from[name] !== undefined) to[name] = from[name]
  const password = from[REAUTH_PASSWORD]
  if (password !== undefined && reauthenticates(request, path)) to[REAUTH_PASSWORD] = password
  dropNamed(from.connection, to)
  // HTTP/2 has its own framing.
  if (isHttp2(request) && to['content-length'] === undefined && hasBody(request)) to['transfer-encoding'] = 'chunked'
  // Never forward the caller's Host (docs/pitfalls.md#callers-host-as-tls-name).
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

/** Whether the password is meant for the remote: `POST authentication?_action=reauthenticate` alone. */
function reauthenticates({ method }: IncomingMessage, path: string): boolean {
  if (method !== 'POST' || !path.startsWith(REAUTHENTICATION)) return false
  const [action, ...others] = queryPairs(path.slice(REAUTHENTICATION.length)).filter(({ name }) => name === '_action')
  return action !== undefined && others.length === 0 && decodeValue(action) === 'reauthenticate'
}

/** The exchange that response headers belong to. */
export interface ResponseContext {
  readonly instance: Instance
  /** The path of the instance at this gateway. */
  readonly localBase: string
  /** The path below the instance. */
  readonly path: string
  readonly response: ServerResponse
}

/**
 * The headers for the caller. Hop-by-hop headers are dropped, and so is the length of a response without a body (204;
 * real remotes send one with 304).
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

/** The response depends on the request headers that the host and the remote have used. */
function mergeVary(...fields: readonly unknown[]): string {
  const names = fields.flatMap((field) => String(field).split(',')).map((name) => name.trim())
  const distinct = new Map(names.filter(Boolean).map((name) => [name.toLowerCase(), name]))
  return distinct.has('*') ? '*' : [...distinct.values()].join(', ')
}

/**
 * Headers named by `Connection` are for one hop (RFC 9110, 7.6.1; docs/pitfalls.md#headers-named-in-connection).
 * Called before our own are added.
 */
function dropNamed(connection: string | undefined, headers: Record<string, string | string[]>): void {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return
  for (const option of connection.toLowerCase().split(',')) {
    const name = option.trim()
    if (!FRAMING.has(name)) delete headers[name]
  }
}

/** Credentials in a `Location` are between the remote and a third host; a browser would use them. */
function withoutCredentials(address: URL): string {
  address.username = ''
  address.password = ''
  return address.href
}

/**
 * Rewrites a `Location` of the remote for the caller: below the local route if it is below the instance, absolute
 * otherwise; never with credentials. Other schemes than http and https are dropped.
 */
export function localLocation(
  location: string,
  { url }: Instance,
  localBase: string,
  path: string,
): string | undefined {
  // `./`, because a path may begin like a URL of another scheme.
  const base = new URL(`./${path}`, url)
  if (!URL.canParse(location, base.href)) return undefined
  const absolute = new URL(location, base)
  if (!WEB.has(absolute.protocol)) return undefined
  if (absolute.host !== url.host || !absolute.pathname.startsWith(url.pathname)) return withoutCredentials(absolute)
  return localBase + absolute.pathname.slice(url.pathname.length) + absolute.search
}
