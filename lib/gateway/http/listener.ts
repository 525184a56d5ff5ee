import http, { maxHeaderSize } from 'node:http'
import https from 'node:https'
import net, { type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { ResourceException } from '../../crest/errors.ts'
import { startError } from '../project/start-error.ts'

export interface ListenerOptions {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  /** PEM; if present, the listener speaks HTTPS. */
  readonly tls?: { readonly certificate: string; readonly key: string }
  readonly onRequest: http.RequestListener
  /** Request and response classes. Default: those of Node. */
  readonly classes?: Pick<http.ServerOptions, 'IncomingMessage' | 'ServerResponse'>
  /** Shares the port with other processes; the operating system distributes the connections. */
  readonly reusePort?: boolean
}

/** How busy it is: open connections, and requests that are not answered completely. */
export interface ListenerLoad {
  readonly connections: number
  readonly requests: number
}

/**
 * Slow headers time out. Bodies may take any time while data moves, since they can be gigabytes; a connection without
 * traffic is closed after `IDLE_MS`.
 */
const TIMEOUTS = {
  headersTimeout: 20_000,
  requestTimeout: 0,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5000,
} as const
const IDLE_MS = 600_000
const HANDSHAKE_MS = 10_000

/** An HTTP(S) server bound to one port. */
export class Listener {
  readonly #server: http.Server | https.Server
  readonly #onRequest: http.RequestListener
  readonly #host: string
  readonly #secure: boolean
  /** TCP sockets, including those in a TLS handshake. */
  readonly #sockets = new Set<Socket>()
  /** Open responses per connection; several if a client pipelines. */
  readonly #connections = new Map<Socket, Set<http.ServerResponse>>()
  #closing: Promise<void> | undefined

  private constructor({ host, tls, onRequest, classes }: ListenerOptions) {
    this.#host = host
    this.#secure = tls !== undefined
    this.#onRequest = onRequest
    const options = { ...TIMEOUTS, ...classes }
    this.#server = tls
      ? https.createServer({ ...options, cert: tls.certificate, key: tls.key, handshakeTimeout: HANDSHAKE_MS })
      : http.createServer(options)
    this.#server.timeout = IDLE_MS
    this.#server.on('request', (request, response) => this.#receive(request, response))
    this.#server.on('clientError', (error, socket) => this.#refuse(error, socket))
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    this.#server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#connections.set(socket, new Set())
      socket.once('close', () => this.#connections.delete(socket))
    })
  }

  /** @throws StartError when the address is not available, or the key does not match the certificate */
  static async open(options: ListenerOptions): Promise<Listener> {
    const address = `${bracketed(options.host)}:${options.port}`
    try {
      const listener = new Listener(options)
      await listener.#listen(options)
      return listener
    } catch (error) {
      throw startError(`cannot listen on ${address}`, error)
    }
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0
  }

  /** `http://127.0.0.1:8080`. */
  get origin(): string {
    return `${this.#secure ? 'https' : 'http'}://${bracketed(this.#host)}:${this.port}`
  }

  get load(): ListenerLoad {
    let requests = 0
    for (const responses of this.#connections.values()) requests += responses.size
    return { connections: this.#sockets.size, requests }
  }

  /** New connections use this certificate; no effect without TLS. */
  renewCertificate({ certificate, key }: { readonly certificate: string; readonly key: string }): void {
    if (this.#server instanceof https.Server) this.#server.setSecureContext({ cert: certificate, key })
  }

  /** Accepts no new requests; resolves when those in flight have finished, or were aborted by `deadline`. */
  close(deadline: AbortSignal): Promise<void> {
    this.#closing ??= this.#close(deadline)
    return this.#closing
  }

  #listen({ host, port, reusePort = false }: ListenerOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port, reusePort }, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
  }

  #receive(request: http.IncomingMessage, response: http.ServerResponse): void {
    const { socket } = request
    const responses = this.#connections.get(socket)
    responses?.add(response)
    if (this.#closing) response.setHeader('Connection', 'close')
    response.on('close', () => {
      responses?.delete(response)
      if (this.#closing && responses?.size === 0) socket.destroySoon()
    })
    this.#onRequest(request, response)
  }

  /**
   * A parse error in the body of an unanswered request is answered on that request. If a complete request is pending,
   * the connection is closed instead: the client would take the error for its response although the request may have
   * been processed.
   */
  #refuse(error: Error, socket: Duplex): void {
    const responses = [...(this.#connections.get(socket as Socket) ?? [])]
    const isUnambiguous = responses.every((response) => !response.headersSent && !response.req.complete)
    if (socket.writable && isUnambiguous) socket.end(refusal(error))
    else socket.destroy()
  }

  async #close(deadline: AbortSignal): Promise<void> {
    // Node's `close()` would also drop written responses that a slow client has not received yet.
    const closed = new Promise<void>((resolve) => net.Server.prototype.close.call(this.#server, () => resolve()))
    for (const [socket, responses] of this.#connections) {
      if (responses.size === 0) socket.destroy()
      for (const response of responses) if (!response.headersSent) response.setHeader('Connection', 'close')
    }
    const destroyAll = () => this.#sockets.forEach((socket) => void socket.destroy())
    deadline.addEventListener('abort', destroyAll, { once: true })
    if (deadline.aborted) destroyAll()
    await closed
    deadline.removeEventListener('abort', destroyAll)
    // No connection is left; stops the timer that checks for slow clients.
    this.#server.close()
  }
}

/** Errors of Node's HTTP parser and its timeouts. */
const REFUSALS: Readonly<Record<string, readonly [code: number, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, `The request line and headers are larger than ${maxHeaderSize} bytes`],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The chunk extensions of the request body are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time'],
  HPE_INVALID_URL: [400, 'The request target contains a character that must be percent-encoded'],
}

/** A Common REST error as raw HTTP, without `Date` and the security headers: there is no response object. */
function refusal({ code = '' }: NodeJS.ErrnoException): string {
  const [status, message] = REFUSALS[code] ?? [400, 'The request is not valid HTTP']
  const body = JSON.stringify(new ResourceException(status, message))
  const { reason } = new ResourceException(status, message)
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    'Content-Type: application/json;charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-cache',
    'Connection: close',
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

/** A host as written in URLs. */
const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)
