import { createRequire } from 'node:module'
import type { TLSSocket } from 'node:tls'
import type { Dispatcher } from 'undici'
import { utf8Text } from '../utf8.ts'
import {
  type ConnectionProperties,
  type ConnectionSettings,
  IDLE_MS,
  openTcp,
  openTls,
  proxyAuthorization,
} from './connection.ts'
import { DeadlineError, ForwardProxyError, faultOf } from './fault.ts'
import { Semaphore } from './semaphore.ts'

export interface ClientProperties extends ConnectionProperties {
  /** Max requests that wait for a connection. */
  readonly maxQueuedRequests: number
  /** A GET is sent once more when its connection broke before the response was complete. */
  readonly retryRequests: boolean
}

export interface HttpClientOptions extends ConnectionSettings<ClientProperties> {
  /** Max bytes of a response body; 256 MB by default. */
  readonly maxResponseBytes?: number
  /** Deadline of a whole request in milliseconds, in addition to those for connecting, the first byte and idle time. */
  readonly totalTimeout?: number
}

export interface HttpRequest {
  readonly method: Dispatcher.HttpMethod
  /** With the query, encoded. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Called when it is sent once more on a new connection. */
  readonly onResend?: () => void
}

/** A response, read completely. */
export interface HttpResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** Why `text` cannot be trusted: completes a sentence about the response. */
  readonly unreadable?: string
}

/** docs/pitfalls.md#unbounded-reads */
const MAX_RESPONSE_BYTES = 256 * 1024 * 1024

/** Loaded by the first request: undici takes 150 ms, and a gateway that only proxies never needs it. */
const library = () => createRequire(import.meta.url)('undici') as typeof import('undici')

/** The client for requests from inside the gateway, to one origin. */
export class HttpClient {
  readonly #url: URL
  readonly #options: HttpClientOptions
  readonly #semaphore: Semaphore
  readonly #dispatcher: Dispatcher
  /** Headers of each request to a forward proxy that gets requests in absolute form (RFC 9112, section 3.2.2). */
  readonly #proxyHeaders: Readonly<Record<string, string>> | undefined

  /** @param url only its origin counts */
  constructor(url: URL, options: HttpClientOptions) {
    const { proxy, maxConnections, maxQueuedRequests } = options.properties
    this.#url = url
    this.#options = options
    this.#semaphore = new Semaphore(maxConnections, maxQueuedRequests)
    const forward = proxy && url.protocol === 'http:'
    const authorization = proxyAuthorization(proxy)
    if (forward) this.#proxyHeaders = { host: url.host, ...(authorization && { 'proxy-authorization': authorization }) }
    this.#dispatcher = createPool(forward ? new URL(proxy.proxyUri) : url, {
      ...options,
      properties: forward ? { ...options.properties, proxy: undefined } : options.properties,
    })
  }

  /** Requests that wait for a connection. */
  get queued(): number {
    return this.#semaphore.waiting
  }

  /**
   * Sends a request and reads its response, whatever its status.
   * @throws DeadlineError, ForwardProxyError, an error of undici or of the socket, or the reason of `signal`
   */
  async request(request: HttpRequest): Promise<HttpResponse> {
    const { properties, totalTimeout } = this.#options
    const total = totalTimeout === undefined ? undefined : new AbortController()
    const timer = total && setTimeout(() => total.abort(new DeadlineError('total')), totalTimeout)
    const signal =
      total && request.signal ? AbortSignal.any([total.signal, request.signal]) : (total?.signal ?? request.signal)
    try {
      const queued = this.#semaphore.acquire(properties.connectionTimeout, signal)
      if (queued) await queued
      try {
        return await this.#send(request, signal)
      } catch (error) {
        const retry = request.method === 'GET' && properties.retryRequests && faultOf(error) === 'reset'
        if (!retry || signal?.aborted) throw error
        request.onResend?.()
        return await this.#send(request, signal)
      } finally {
        this.#semaphore.release()
      }
    } finally {
      clearTimeout(timer)
    }
  }

  /** Closes the connections when the requests in flight have ended. */
  close(): void {
    void this.#dispatcher.close().catch(() => undefined)
  }

  destroy(): void {
    void this.#dispatcher.destroy().catch(() => undefined)
  }

  async #send({ method, path, headers, body }: HttpRequest, signal: AbortSignal | undefined): Promise<HttpResponse> {
    signal?.throwIfAborted()
    const response = await new Promise<HttpResponse>((resolve, reject) => {
      const options: Dispatcher.DispatchOptions = {
        method,
        path: this.#proxyHeaders ? this.#url.origin + path : path,
        headers: { ...headers, ...this.#proxyHeaders },
        body: body ?? null,
      }
      this.#dispatcher.dispatch(options, new ResponseCollector(resolve, reject, signal))
    })
    if (this.#proxyHeaders && response.status === 407) throw new ForwardProxyError(407)
    return response
  }
}

function createPool(url: URL, options: HttpClientOptions): Dispatcher {
  const { properties, maxResponseBytes = MAX_RESPONSE_BYTES } = options
  const idleTimeout = Number.isFinite(properties.socketTimeout) ? properties.socketTimeout : 0
  let session: Buffer | undefined
  const open = async () => {
    if (url.protocol === 'http:') return openTcp(url, options)
    const socket: TLSSocket = await openTls(url, options, { session })
    session = socket.getSession()
    return socket.on('session', (ticket: Buffer) => {
      session = ticket
    })
  }
  return new (library().Pool)(url.origin, {
    connections: properties.maxConnections,
    // 0 = a new connection for each request.
    pipelining: properties.reuseConnections ? 1 : 0,
    clientTtl: properties.connectionTimeToLive ?? null,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
    headersTimeout: idleTimeout,
    bodyTimeout: idleTimeout,
    maxResponseSize: maxResponseBytes,
    // HTTP/2 would put all requests on one connection.
    allowH2: false,
    connect: (_options, callback) =>
      void open().then(
        (socket) => callback(null, socket),
        (error: Error) => callback(error, null),
      ),
  })
}

/** Collects a response; undici's own `request` makes a stream of each. */
class ResponseCollector implements Dispatcher.DispatchHandler {
  readonly #resolve: (response: HttpResponse) => void
  readonly #reject: (reason: unknown) => void
  readonly #signal: AbortSignal | undefined
  readonly #chunks: Buffer[] = []
  #controller: Dispatcher.DispatchController | undefined
  #status = 0
  #headers: HttpResponse['headers'] = {}
  readonly #abort = () => this.#aborted()

  constructor(
    resolve: (response: HttpResponse) => void,
    reject: (reason: unknown) => void,
    signal: AbortSignal | undefined,
  ) {
    this.#resolve = resolve
    this.#reject = reject
    this.#signal = signal
    signal?.addEventListener('abort', this.#abort)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // Aborted while its connection was being made.
    if (this.#signal?.aborted) this.#aborted()
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: HttpResponse['headers']): void {
    // A 1xx only announces the response.
    if (status < 200) return
    this.#status = status
    this.#headers = headers
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#resolve({
      status: this.#status,
      headers: this.#headers,
      ...textOf(this.#chunks, this.#headers['content-type']),
    })
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#reject(error)
  }

  /** Rejects at once; a request that still waits for its connection is dropped when it has one. */
  #aborted(): void {
    const reason: unknown = this.#signal?.reason
    this.#controller?.abort(reason instanceof Error ? reason : new Error('aborted', { cause: reason }))
    this.#reject(reason)
  }
}

type Text = Pick<HttpResponse, 'text' | 'unreadable'>

/** Decodes the charset of the Content-Type, UTF-8 by default; drops a byte order mark. */
function textOf(chunks: readonly Buffer[], type: string | string[] | undefined): Text {
  const [first] = chunks
  const bytes = chunks.length === 1 && first ? first : Buffer.concat(chunks)
  const charset = /;\s*charset\s*=\s*"?([\w.:+-]{1,40})/i.exec(String(type))?.[1] ?? 'utf-8'
  const text = /^utf-?8$/i.test(charset) ? utf8Text(bytes) : decoded(bytes, charset)
  if (text === undefined) return { text: bytes.toString('latin1'), unreadable: `is not ${charset.toUpperCase()}` }
  return { text: text.charCodeAt(0) === 0xfeff ? text.slice(1) : text }
}

function decoded(bytes: Buffer, charset: string): string | undefined {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}
