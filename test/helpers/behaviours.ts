import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { patternChunks } from './pattern.ts'
import type { RecordedRequest } from './recorded-request.ts'
import { until } from './until.ts'

/** One request at a remote and the means to answer it. */
export interface Exchange {
  readonly request: RecordedRequest
  readonly incoming: IncomingMessage
  readonly response: ServerResponse
  /** Ends the connection with a TCP reset, also below TLS. */
  reset(): void
}

/** What a remote does with a request. It is called before any of the body was read. */
export type Behaviour = (exchange: Exchange) => unknown

export interface Reply {
  /** 200 unless given. */
  readonly status?: number
  readonly headers?: OutgoingHttpHeaders
  /** Text and bytes as they are, anything else as JSON with its Content-Type. */
  readonly body?: unknown
  /** Answers without waiting for the body of the request. */
  readonly early?: boolean
}

const isRaw = (body: unknown): body is string | Buffer => typeof body === 'string' || Buffer.isBuffer(body)

/** Answers every request alike. */
export const reply =
  ({ status = 200, headers = {}, body, early = false }: Reply = {}): Behaviour =>
  async ({ request, response }) => {
    if (!early) await request.received
    if (body === undefined || isRaw(body)) {
      response.writeHead(status, headers).end(body)
      return
    }
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }

/** Answers with what was received: `{ method, url, headers, bodyLength }`. */
export const echo = (): Behaviour => async (exchange) => {
  const { request } = exchange
  await request.received
  const { method, url, headers, bodyLength } = request
  await reply({ body: { method, url, headers, bodyLength } })(exchange)
}

/** 401 with a challenge that a browser would turn into a prompt, as an IDM in front of a container does. */
export const unauthorized = (challenge = 'Basic realm="remote"'): Behaviour =>
  reply({
    status: 401,
    headers: { 'www-authenticate': challenge },
    body: { code: 401, reason: 'Unauthorized', message: 'Access Denied' },
  })

export const redirect = (location: string, status = 302): Behaviour => reply({ status, headers: { location } })

export const noContent = (): Behaviour => reply({ status: 204 })

export const notModified = (etag: string): Behaviour => reply({ status: 304, headers: { etag } })

/** Has `behaviour` answer and end the connection behind it. */
export const closing =
  (behaviour: Behaviour): Behaviour =>
  (exchange) => {
    exchange.response.setHeader('connection', 'close')
    return behaviour(exchange)
  }

/** The first request gets the first behaviour and so on; the last one stays. */
export function inTurn(...behaviours: readonly [Behaviour, ...Behaviour[]]): Behaviour {
  const queue = [...behaviours]
  return (exchange) => (queue.length > 1 ? queue.shift() : queue[0])?.(exchange)
}

/** The first `count` requests get `first`, all others `then`. */
export function times(count: number, first: Behaviour, then: Behaviour): Behaviour {
  let left = count
  return (exchange) => {
    left -= 1
    return (left >= 0 ? first : then)(exchange)
  }
}

/** By `METHOD /path`, without the query; all else gets `otherwise`, a 404. */
export const byPath =
  (behaviours: Readonly<Record<string, Behaviour>>, otherwise: Behaviour = notFound): Behaviour =>
  (exchange) => {
    const { method, url } = exchange.request
    return (behaviours[`${method} ${url.split('?', 1)[0]}`] ?? otherwise)(exchange)
  }

const notFound = reply({ status: 404, body: { code: 404, reason: 'Not Found', message: 'Not Found' } })

/** Lets only those pass whose Authorization header `accepts` takes; the others get `otherwise`, a 401. */
export const guarded =
  (
    accepts: (authorization: string | undefined) => boolean | Promise<boolean>,
    then: Behaviour,
    otherwise = unauthorized(),
  ): Behaviour =>
  async (exchange) =>
    ((await accepts(exchange.request.headers.authorization)) ? then : otherwise)(exchange)

/** Waits until `release()`, then has `behaviour` answer. `waiting` tells how many wait. */
export function held(behaviour: Behaviour = echo()): Behaviour & { release(): void; readonly waiting: number } {
  const gate = Promise.withResolvers<void>()
  let waiting = 0
  const hold: Behaviour = async (exchange) => {
    waiting += 1
    await gate.promise
    waiting -= 1
    if (!exchange.response.destroyed) await behaviour(exchange)
  }
  return Object.defineProperty(Object.assign(hold, { release: () => gate.resolve(), waiting }), 'waiting', {
    get: () => waiting,
  })
}

/** Leaves the answer to the test, which takes the exchanges one after the other. */
export function byHand(): Behaviour & { next(): Promise<Exchange> } {
  const exchanges: Exchange[] = []
  const next = () => until(() => exchanges.shift(), 'a request arrives at the remote')
  return Object.assign((exchange: Exchange) => exchanges.push(exchange), { next })
}

export interface StreamOptions {
  readonly bytes: number
  /** With Content-Length; chunked unless true. */
  readonly declared?: boolean
  readonly headers?: OutgoingHttpHeaders
}

/** Answers with `bytes` of the pattern (pattern.ts), no faster than they are taken. `sent` counts what was handed over. */
export function stream({
  bytes,
  declared = false,
  headers = {},
}: StreamOptions): Behaviour & { readonly sent: number } {
  let sent = 0
  function* counted(): Generator<Buffer> {
    for (const chunk of patternChunks(bytes)) {
      sent += chunk.length
      yield chunk
    }
  }
  const behaviour: Behaviour = async ({ response }) => {
    response.writeHead(200, { ...headers, ...(declared ? { 'content-length': bytes } : {}) })
    await pipeline(Readable.from(counted()), response).catch(unlessLeft)
  }
  return Object.defineProperty(Object.assign(behaviour, { sent }), 'sent', { get: () => sent })
}

/** That the client left is no fault of the remote. */
function unlessLeft(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE' && error.code !== 'ECONNRESET' && error.code !== 'EPIPE') throw error
}
