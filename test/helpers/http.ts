import { once } from 'node:events'
import {
  type Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestOptions,
  request as requestPlain,
} from 'node:http'
import { request as requestTls } from 'node:https'
import type { LookupFunction } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

export interface CallOptions {
  /** GET unless given. */
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Buffer | Readable
  /** Sent as application/json in place of `body`. */
  readonly json?: unknown
  /** PEM of the authority to trust. */
  readonly ca?: string
  /** For mutual TLS. */
  readonly cert?: string
  readonly key?: string
  readonly lookup?: LookupFunction
  /** The name to ask for and to check in the TLS handshake; Node takes it from a `host` header or the URL. */
  readonly servername?: string
  /** A connection of its own for each call unless given. */
  readonly agent?: Agent
  readonly signal?: AbortSignal
}

export interface CallResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Names and values in turn, in their own spelling and order. */
  readonly rawHeaders: readonly string[]
  readonly rawTrailers: readonly string[]
  readonly body: Buffer
  readonly text: string
  /** The body read as JSON; throws when it is not. */
  readonly json: unknown
}

/** A call whose answer is still under way. */
export interface OpenCall {
  readonly outgoing: ClientRequest
  /** Resolves with the head of the answer. */
  readonly answer: Promise<IncomingMessage>
}

/** Every name is this machine; for hosts that exist only in a test. */
export const toLoopback: LookupFunction = (_hostname, options, callback) => {
  if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }])
  else callback(null, '127.0.0.1', 4)
}

/**
 * Calls `url` and reads the answer. What stands behind the authority is sent exactly so: `..`, `%2e` and `//` survive.
 * @throws Error when the connection fails or ends before the answer is whole
 */
export async function request(url: string, options: CallOptions = {}): Promise<CallResponse> {
  const incoming = await open(url, options).answer
  const body = Buffer.concat(await incoming.toArray())
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    rawHeaders: incoming.rawHeaders,
    rawTrailers: incoming.rawTrailers,
    body,
    text: body.toString(),
    get json(): unknown {
      return JSON.parse(body.toString())
    },
  }
}

/** Calls `url` and hands out both ends, for tests that leave early or read slowly. */
export function open(url: string, options: CallOptions = {}): OpenCall {
  const [, scheme, host, port, path] = /^(https?):\/\/(\[[^\]]+\]|[^:/?#]+)(?::(\d+))?(.*)$/.exec(url) ?? []
  if (!scheme || !host) throw new TypeError(`not an http(s) URL: ${url}`)
  const { body, json, headers, ...rest } = options
  const content = json === undefined ? body : JSON.stringify(json)
  const outgoing = (scheme === 'https' ? requestTls : requestPlain)({
    agent: false,
    ...(rest as RequestOptions),
    host: host.replace(/^\[|\]$/g, ''),
    ...(port === undefined ? {} : { port }),
    path: path?.startsWith('/') ? path : `/${path}`,
    headers: { ...framing(content, headers), ...(json === undefined ? {} : JSON_TYPE), ...headers },
  })
  const answer = once(outgoing, 'response', { signal: options.signal }).then(
    ([incoming]) => incoming as IncomingMessage,
  )
  // Whoever awaits `answer` sees the failure; one behind the head shows at the answer itself.
  answer.catch(() => undefined)
  outgoing.on('error', () => undefined)
  send(outgoing, content)
  return { outgoing, answer }
}

const JSON_TYPE = { 'content-type': 'application/json' }

/** Node frames no body of a DELETE or GET by itself: its bytes would stand there as the next request. */
function framing(content: string | Buffer | Readable | undefined, headers: OutgoingHttpHeaders = {}) {
  const names = Object.keys(headers).map((name) => name.toLowerCase())
  if (content === undefined || names.includes('content-length') || names.includes('transfer-encoding')) return {}
  if (content instanceof Readable) return { 'transfer-encoding': 'chunked' }
  return { 'content-length': Buffer.byteLength(content) }
}

/** With `Expect: 100-continue` the body waits for the remote's word, or goes nowhere when the answer comes first. */
function send(outgoing: ClientRequest, content: string | Buffer | Readable | undefined): void {
  const write = () => {
    if (content instanceof Readable) pipeline(content, outgoing).catch(() => outgoing.destroy())
    else outgoing.end(content)
  }
  if (outgoing.getHeader('expect') === '100-continue') outgoing.once('continue', write).flushHeaders()
  else write()
}
