import { type ClientHttp2Session, connect } from 'node:http2'
import { Readable } from 'node:stream'
import { onCleanUp } from '../helpers/clean-up.ts'
import { open } from '../helpers/http.ts'

export type Headers = Readonly<Record<string, string | string[] | number | undefined>>

export interface Call {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** A stream is sent without a length. */
  readonly body?: string | Buffer | Readable
}

/** An answer of which the head is here. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** The next piece of the body; undefined at its end. Throws when the answer was cut off. */
  next(): Promise<Buffer | undefined>
  abort(): void
}

/** Sends requests to one host, over HTTP/1.1 or HTTP/2. */
export interface Client {
  /** `path` is sent byte for byte. */
  open(path: string, call?: Call): Promise<Answer>
}

export async function bodyOf(answer: Answer): Promise<Buffer> {
  const pieces: Buffer[] = []
  for (let piece = await answer.next(); piece; piece = await answer.next()) pieces.push(piece)
  return Buffer.concat(pieces)
}

export const http1 = (origin: string, options: { ca?: string } = {}): Client => ({
  async open(path, call = {}) {
    const { outgoing, answer } = open(origin + path, { ...call, ...options })
    const incoming = await answer
    const pieces = incoming[Symbol.asyncIterator]()
    return {
      status: incoming.statusCode ?? 0,
      headers: incoming.headers,
      next: async () => (await pieces.next()).value as Buffer | undefined,
      abort: () => outgoing.destroy(),
    }
  },
})

export function http2(origin: string, options: { ca?: string } = {}): Client {
  let session: ClientHttp2Session | undefined
  onCleanUp(() => session?.destroy())
  return {
    async open(path, { method = 'GET', headers = {}, body } = {}) {
      // One that was closed by the peer serves no more.
      if (!session || session.closed || session.destroyed)
        session = connect(origin, options).on('error', () => undefined)
      const stream = session.request(
        { ':path': path, ':method': method, ...headers },
        { endStream: body === undefined },
      )
      const { promise, resolve, reject } = Promise.withResolvers<Headers>()
      stream.once('response', (received) => resolve(received as Headers))
      stream.on('error', reject)
      if (body instanceof Readable) body.pipe(stream)
      else if (body !== undefined) stream.end(body)
      const received = await promise
      const pieces = stream[Symbol.asyncIterator]()
      return {
        status: Number(received[':status']),
        headers: received,
        next: async () => (await pieces.next()).value as Buffer | undefined,
        abort: () => stream.close(8),
      }
    },
  }
}
