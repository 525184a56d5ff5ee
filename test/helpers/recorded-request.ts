import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'

/** So much of a body is kept; beyond it only length and hash are. */
const KEPT_BYTES = 1024 * 1024

/** What a peer received, byte for byte. Grows while the request comes in. */
export class RecordedRequest {
  readonly method: string
  /** The request target as it stood on the line (bytes beyond ASCII are refused by Node's parser). */
  readonly url: string
  readonly httpVersion: string
  readonly headers: IncomingHttpHeaders
  /** Names and values in turn, in their own spelling and order. */
  readonly rawHeaders: readonly string[]
  rawTrailers: readonly string[] = []
  /** Which connection carried it: 1 for the first one. */
  readonly socket: number
  /** The name asked for in the TLS handshake (SNI). */
  readonly serverName: string | undefined
  /** Common name in the client's certificate. */
  readonly clientName: string | undefined
  bodyLength = 0
  /** Of the whole body, hexadecimal; undefined while it comes in. */
  sha256: string | undefined
  /** The request came in whole. */
  complete = false
  /** The answer was handed over whole. */
  answered = false
  /** The connection ended before the answer was complete, whoever ended it. */
  aborted = false
  /** Resolves when the body came in whole, or the connection ended before. */
  readonly received: Promise<void>
  readonly #chunks: Buffer[] = []

  /** Must be made before anybody else reads from `incoming`. */
  constructor(incoming: IncomingMessage, response: ServerResponse, socket: number) {
    this.method = incoming.method ?? ''
    this.url = incoming.url ?? ''
    this.httpVersion = incoming.httpVersion
    this.headers = incoming.headers
    this.rawHeaders = incoming.rawHeaders
    this.socket = socket
    this.serverName = serverNameOf(incoming.socket)
    this.clientName = clientNameOf(incoming.socket)
    this.received = this.#receive(incoming)
    response.on('finish', () => {
      this.answered = true
    })
    response.on('close', () => {
      this.aborted = !response.writableFinished
    })
  }

  /** The first 1 MiB of the body. */
  get body(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get text(): string {
    return this.body.toString()
  }

  /** The values of one header as they stood on the wire, in order. */
  raw(name: string): string[] {
    return this.rawHeaders.filter((_, i, all) => i % 2 === 1 && all[i - 1]?.toLowerCase() === name.toLowerCase())
  }

  #receive(incoming: IncomingMessage): Promise<void> {
    const hash = createHash('sha256')
    incoming.on('data', (chunk: Buffer) => {
      hash.update(chunk)
      if (this.bodyLength < KEPT_BYTES) this.#chunks.push(chunk.subarray(0, KEPT_BYTES - this.bodyLength))
      this.bodyLength += chunk.length
    })
    return new Promise((done) => {
      incoming.on('end', () => {
        this.complete = true
        this.sha256 = hash.digest('hex')
        this.rawTrailers = incoming.rawTrailers
        done()
      })
      incoming.on('error', () => done())
      incoming.on('close', done)
    })
  }
}

const serverNameOf = (socket: object): string | undefined =>
  'servername' in socket && typeof socket.servername === 'string' ? socket.servername : undefined

function clientNameOf(socket: object): string | undefined {
  const name = socket instanceof TLSSocket ? socket.getPeerCertificate()?.subject?.CN : undefined
  return Array.isArray(name) ? name[0] : name
}
