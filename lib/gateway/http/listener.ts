import http, { maxHeaderSize } from 'node:http'
import https from 'node:https'
import net, { type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { ResourceException } from '../../crest/errors.ts'
import { startError } from '../project/start-error.ts'

export interface ListenerOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** PEM; with it the listener speaks HTTPS. */
  readonly tls?: { readonly certificate: string; readonly key: string }
  readonly onRequest: http.RequestListener
  /** What Node makes requests and responses of; its own when absent. */
  readonly classes?: Pick<http.ServerOptions, 'IncomingMessage' | 'ServerResponse'>
  /** Other processes listen there as well; the system gives each its share of the connections. */
  readonly reusePort?: boolean
}

/**
 * Slow senders of headers are cut off; a body may take as long as it likes while it moves, since gigabytes are
 * streamed; a connection on which nothing moves at all ends.
 */
const TIMEOUTS = {
  headersTimeout: 20_000,
  requestTimeout: 0,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5000,
} as const
const IDLE_MS = 600_000
const HANDSHAKE_MS = 10_000

/** One port that is listened on. */
export class Listener {
  readonly #server: http.Server | https.Server
  readonly #onRequest: http.RequestListener
  readonly #host: string
  readonly #secure: boolean
  /** TCP sockets, those in a TLS handshake included. */
  readonly #sockets = new Set<Socket>()
  /** The responses under way on each connection; more than one when a client pipelines. */
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

  /** @throws StartError when the address cannot be listened on, or certificate and key are no pair */
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

  /** New connections get this certificate; without TLS nothing happens. */
  renewCertificate({ certificate, key }: { readonly certificate: string; readonly key: string }): void {
    if (this.#server instanceof https.Server) this.#server.setSecureContext({ cert: certificate, key })
  }

  /**
   * Takes no new requests; resolves when those under way have ended, or were cut off because `deadline` was aborted.
   */
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
   * A fault in the body of a request that is not answered yet is the answer to that request. Behind a complete one it
   * would be taken for the answer to that, which may have done its work.
   */
  #refuse(error: Error, socket: Duplex): void {
    const responses = [...(this.#connections.get(socket as Socket) ?? [])]
    const isFree = responses.every((response) => !response.headersSent && !response.req.complete)
    if (socket.writable && isFree) socket.end(refusal(error))
    else socket.destroy()
  }

  async #close(deadline: AbortSignal): Promise<void> {
    // Node's own close() also cuts off responses that are written but still on their way to a slow client.
    const closed = new Promise<void>((resolve) => net.Server.prototype.close.call(this.#server, () => resolve()))
    for (const [socket, responses] of this.#connections) {
      if (responses.size === 0) socket.destroy()
      for (const response of responses) if (!response.headersSent) response.setHeader('Connection', 'close')
    }
    const cutOff = () => this.#sockets.forEach((socket) => void socket.destroy())
    deadline.addEventListener('abort', cutOff, { once: true })
    if (deadline.aborted) cutOff()
    await closed
    deadline.removeEventListener('abort', cutOff)
    // Now that no connection is left: it ends the timer that looks for slow ones.
    this.#server.close()
  }
}

/** What Node's parser refuses: bytes that are no request, a head that is too large, or one that does not come. */
const REFUSALS: Readonly<Record<string, readonly [code: number, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, `The request line and headers are larger than ${maxHeaderSize} bytes`],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The chunk extensions of the request body are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time'],
  HPE_INVALID_URL: [400, 'The request target holds a character that must be percent-encoded'],
}

/** Answers as any other error of Common REST. No `Date` or server name: there is no response object to ask for them. */
function refusal({ code = '' }: NodeJS.ErrnoException): string {
  const [status, message] = REFUSALS[code] ?? [400, 'The request is no valid HTTP']
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

/** A host as URLs write it. */
const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)
