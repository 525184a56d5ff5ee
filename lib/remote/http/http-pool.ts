import { createRequire } from 'node:module'
import type { Dispatcher, Pool } from 'undici'
import { utf8Text } from '../../core/utf8.ts'
import { type ConnectionSettings, tlsOptions } from './agent.ts'
import { proxyAuthorization } from './forward-proxy.ts'

/** An answer of a remote, whole. */
export interface RemoteAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** Why `text` is not what the remote meant: completes a sentence about the answer. */
  readonly unreadable?: string
}

/** As for the proxy: idle connections are closed by us before the remote closes them under a request. */
const IDLE_MS = 4_000
/** Largest answer that is read into memory (docs/pitfalls.md#unbounded-reads). */
const LARGEST_ANSWER_BYTES = 256 * 1024 * 1024

/** Connections of undici to one origin. */
export class HttpPool {
  readonly #dispatcher: Dispatcher

  constructor(url: URL, settings: ConnectionSettings) {
    this.#dispatcher = createPool(url, settings)
  }

  /**
   * Sends a request and collects its answer. undici's own `request` makes a stream of each answer, for those who want it
   * piece by piece.
   * @throws whatever undici has against it, or the reason of `signal`
   */
  request(options: Dispatcher.DispatchOptions, signal: AbortSignal | undefined): Promise<RemoteAnswer> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) reject(signal.reason)
      else this.#dispatcher.dispatch(options, new AnswerCollector(resolve, reject, signal))
    })
  }

  /** When the requests in flight have ended. */
  close(): void {
    void this.#dispatcher.close().catch(() => undefined)
  }

  destroy(): void {
    void this.#dispatcher.destroy().catch(() => undefined)
  }
}

/** At the first call from inside: it takes 150 ms to load, and a gateway that only proxies needs it never. */
const library = () => createRequire(import.meta.url)('undici') as typeof import('undici')

function createPool(url: URL, settings: ConnectionSettings): Dispatcher {
  const { Pool, ProxyAgent } = library()
  const { properties, lookup } = settings
  const limit = (ms: number) => (Number.isFinite(ms) ? ms : 0)
  const timeout = limit(properties.connectionTimeout)
  const tls = url.protocol === 'https:' ? tlsOptions(url, settings) : {}
  const options: Pool.Options = {
    connections: properties.maxConnections,
    // 0 = a connection for each request.
    pipelining: properties.reuseConnections ? 1 : 0,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
    headersTimeout: limit(properties.socketTimeout),
    bodyTimeout: limit(properties.socketTimeout),
    maxResponseSize: LARGEST_ANSWER_BYTES,
    // As the proxy; and HTTP/2 would put all requests on one connection.
    allowH2: false,
  }
  if (!properties.proxy)
    return new Pool(url.origin, { ...options, connect: { timeout, ...tls, ...(lookup ? { lookup } : {}) } })
  const token = proxyAuthorization(properties)
  return new ProxyAgent({
    ...options,
    uri: properties.proxy.proxyUri,
    ...(token === undefined ? {} : { token }),
    requestTls: tls,
    connectTimeout: timeout,
    proxyTunnel: false,
  })
}

class AnswerCollector implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: RemoteAnswer) => void
  readonly #reject: (reason: unknown) => void
  readonly #signal: AbortSignal | undefined
  readonly #chunks: Buffer[] = []
  #controller: Dispatcher.DispatchController | undefined
  #status = 0
  #headers: RemoteAnswer['headers'] = {}
  readonly #abort = () => this.#aborted()

  constructor(
    resolve: (answer: RemoteAnswer) => void,
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
    // While its connection was made.
    if (this.#signal?.aborted) this.#aborted()
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: RemoteAnswer['headers']): void {
    // Not a 1xx, which only announces the answer.
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

  /** The caller is told at once; a request that waits for its connection is let go when it has one. */
  #aborted(): void {
    const reason: unknown = this.#signal?.reason
    this.#controller?.abort(reason instanceof Error ? reason : new Error('aborted', { cause: reason }))
    this.#reject(reason)
  }
}

type Text = Pick<RemoteAnswer, 'text' | 'unreadable'>

/** In the charset that the Content-Type names, else in UTF-8; without the mark that some servers begin with. */
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
