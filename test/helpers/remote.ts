import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import type { KeyPair } from '../../examples/demo/certificate-authority.ts'
import { type Behaviour, echo } from './behaviours.ts'
import { onCleanUp } from './clean-up.ts'
import { RecordedRequest } from './recorded-request.ts'
import { until } from './until.ts'

export interface RemoteTls extends KeyPair {
  /** PEM of the authority whose client certificates are demanded. */
  readonly clientAuthority?: string
  /** Other certificates, by the name the client asks for. */
  readonly sni?: Readonly<Record<string, KeyPair>>
  readonly versions?: Pick<SecureContextOptions, 'minVersion' | 'maxVersion'>
}

export interface RemoteOptions {
  /** Answers each request until `answer` names another one; an echo unless given. */
  readonly behaviour?: Behaviour
  /** Absent: plain http. */
  readonly tls?: RemoteTls | undefined
  /** The name in `url`, for callers with a lookup of their own; 127.0.0.1 unless given. */
  readonly hostName?: string
  /** The path in `url`; `/openidm/` unless given. */
  readonly basePath?: string
  /** To come back on the port of a closed remote; any free one unless given. */
  readonly port?: number
  readonly server?: ServerOptions
}

/** Starts a real HTTP server on loopback that records what it receives; it closes with its owner (see clean-up.ts). */
export async function startRemote(options: RemoteOptions = {}): Promise<Remote> {
  const remote = new Remote(options)
  onCleanUp(() => remote.close())
  await remote.listen()
  return remote
}

/** Answers through a {@link Behaviour} that can be exchanged at any time; see behaviours.ts and faults.ts. */
export class Remote {
  /** In order of arrival. */
  readonly requests: RecordedRequest[] = []
  /** What the parser or the TLS handshake refused, and connections that a client broke. */
  readonly refusals: Error[] = []
  readonly server: Server
  readonly #options: RemoteOptions
  readonly #failures: unknown[] = []
  /** Open connections below TLS and their number, by the port at the other end. */
  readonly #sockets = new Map<number | undefined, { socket: Socket; number: number }>()
  #behaviour: Behaviour
  #connections = 0
  #closed: Promise<void> | undefined

  constructor(options: RemoteOptions) {
    this.#options = options
    this.#behaviour = options.behaviour ?? echo()
    this.server = createHttpServer(options, (incoming, response) => {
      const accepted = this.#sockets.get(incoming.socket.remotePort)
      const request = new RecordedRequest(incoming, response, accepted?.number ?? 0)
      this.requests.push(request)
      const reset = () => accepted?.socket.resetAndDestroy()
      this.#run(async () => this.#behaviour({ request, incoming, response, reset }), incoming.socket)
    })
    this.server.on('connection', (socket: Socket) => this.#accept(socket))
    this.server.on('clientError', (error, socket) => {
      this.refusals.push(error)
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      else socket.destroy()
    })
    this.server.on('tlsClientError', (error: Error) => this.refusals.push(error))
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  get origin(): string {
    return `${this.#options.tls ? 'https' : 'http'}://${this.#options.hostName ?? '127.0.0.1'}:${this.port}`
  }

  get url(): string {
    return `${this.origin}${this.#options.basePath ?? '/openidm/'}`
  }

  /** How many connections were accepted so far. */
  get connections(): number {
    return this.#connections
  }

  get openConnections(): number {
    return this.#sockets.size
  }

  /** The latest request; throws when there was none. */
  get last(): RecordedRequest {
    const last = this.requests.at(-1)
    if (!last) throw new Error('the remote received no request')
    return last
  }

  /** Has `behaviour` answer from the next request on. */
  answer(behaviour: Behaviour): void {
    this.#behaviour = behaviour
  }

  /** Waits until this many requests arrived and returns the latest of them. */
  async received(count = 1): Promise<RecordedRequest> {
    return until(() => this.requests[count - 1], `the remote received ${count} request(s)`)
  }

  listen(): Promise<void> {
    return new Promise((done, fail) => {
      this.server.once('error', fail)
      this.server.listen(this.#options.port ?? 0, '127.0.0.1', done)
    })
  }

  /**
   * Cuts every connection and stops. Twice is harmless.
   * @throws AggregateError when a behaviour had failed
   */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const stopped = new Promise((done) => this.server.close(done))
    for (const { socket } of this.#sockets.values()) socket.destroy()
    await stopped
    if (this.#failures.length > 0) throw new AggregateError(this.#failures, 'a behaviour of the remote failed')
  }

  #accept(socket: Socket): void {
    const port = socket.remotePort
    this.#connections += 1
    this.#sockets.set(port, { socket, number: this.#connections })
    socket.on('close', () => this.#sockets.delete(port))
  }

  #run(work: () => Promise<unknown>, socket: Socket): void {
    work().catch((error: unknown) => {
      this.#failures.push(error)
      socket.destroy()
    })
  }
}

/** A connection at rest stays until the test ends, unless `server` says otherwise. */
const PATIENCE: ServerOptions = { keepAliveTimeout: 60_000, requestTimeout: 0, headersTimeout: 0 }

function createHttpServer({ tls, server: options }: RemoteOptions, listener: RequestListener): Server {
  if (!tls) return createServer({ ...PATIENCE, ...options }, listener)
  const trust = tls.clientAuthority === undefined ? {} : { ca: tls.clientAuthority, requestCert: true }
  const identity = { key: tls.key, cert: tls.certificate, ...trust, ...tls.versions }
  const server = createTlsServer({ ...PATIENCE, ...options, ...identity }, listener)
  for (const [name, pair] of Object.entries(tls.sni ?? {})) {
    server.addContext(name, { key: pair.key, cert: pair.certificate, ...trust })
  }
  return server
}
