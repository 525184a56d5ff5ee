import { createServer, type IncomingMessage, request as requestPlain, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { onCleanUp } from '../helpers/clean-up.ts'

/** A forward proxy on loopback, behind which every name is this machine; it closes with its owner (see clean-up.ts). */
export class ForwardProxy {
  /** What it was asked for: `CONNECT host:port`, `GET http://host:port/path`. */
  readonly asked: string[] = []
  /** The `Proxy-Authorization` that it wants; anything when undefined. */
  authorization: string | undefined
  /** Takes requests and does not answer. */
  mute = false
  readonly #server = createServer((incoming, response) => this.#forward(incoming, response))
  readonly #sockets = new Set<Socket>()

  constructor() {
    this.#server.on('connect', (incoming: IncomingMessage, socket: Socket) => this.#tunnel(incoming, socket))
    this.#server.on('connection', (socket: Socket) => this.#keep(socket))
  }

  async listen(): Promise<this> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
    return this
  }

  get uri(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get openConnections(): number {
    return this.#sockets.size
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #admits(incoming: IncomingMessage): boolean {
    this.asked.push(`${incoming.method} ${incoming.url}`)
    return this.authorization === undefined || incoming.headers['proxy-authorization'] === this.authorization
  }

  #tunnel(incoming: IncomingMessage, socket: Socket): void {
    if (!this.#admits(incoming)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n')
      return
    }
    if (this.mute) return
    const port = Number(incoming.url?.split(':').at(-1))
    const peer = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      peer.pipe(socket).pipe(peer)
    })
    this.#keep(peer)
    peer.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'))
    socket.on('close', () => peer.destroy())
  }

  #forward(incoming: IncomingMessage, response: ServerResponse): void {
    if (!this.#admits(incoming)) {
      response.writeHead(407, { 'proxy-authenticate': 'Basic' }).end()
      return
    }
    const { port, pathname, search } = new URL(incoming.url ?? '')
    const { 'proxy-authorization': _, 'proxy-connection': __, ...headers } = incoming.headers
    const { method } = incoming
    const outgoing = requestPlain({ host: '127.0.0.1', port, path: pathname + search, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers)
      answer.pipe(response)
    })
    outgoing.on('error', () => response.writeHead(502).end())
    incoming.pipe(outgoing)
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  }
}

export async function startForwardProxy(): Promise<ForwardProxy> {
  const proxy = new ForwardProxy()
  onCleanUp(() => proxy.close())
  return proxy.listen()
}
