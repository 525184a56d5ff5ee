import { connect as connectPlain, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { onCleanUp } from './clean-up.ts'
import { type ParseOptions, parseResponses, type RawResponse } from './raw-response.ts'
import { until } from './until.ts'

export { parseResponses, RawResponse } from './raw-response.ts'

/** Text stands for its latin1 bytes: one character, one byte. */
export type Bytes = string | Buffer

export interface RawOptions {
  /** Connects through TLS with these options (`ca`, `servername`, `ALPNProtocols` …). */
  readonly tls?: ConnectionOptions
}

export interface ExchangeOptions extends RawOptions, Pick<ParseOptions, 'methods'> {
  /** Waits for this many final responses; 1 unless given. The end of the connection ends the wait as well. */
  readonly responses?: number
  /** Waits until the peer ends the connection, in place of a number of responses. */
  readonly untilClose?: boolean
}

export interface RawAnswer {
  readonly bytes: Buffer
  /** The peer ended the connection. */
  readonly ended: boolean
  /** The complete responses; throws when the bytes are none. */
  readonly responses: RawResponse[]
  /** The first response; throws when there is none. */
  readonly response: RawResponse
}

/** Sends exactly these bytes, each member of an array as a write of its own, and collects what comes back. */
export async function rawExchange(
  port: number,
  bytes: Bytes | readonly Bytes[],
  options: ExchangeOptions = {},
): Promise<RawAnswer> {
  const connection = await openRaw(port, options)
  const { responses: count = 1, untilClose = false } = options
  for (const part of isBytes(bytes) ? [bytes] : bytes) await connection.write(part)
  const isEnough = () => !untilClose && connection.parse(options.methods).length >= count
  await until(
    () => connection.ended || isEnough(),
    untilClose ? 'the peer ends the connection' : `${count} response(s)`,
  )
  connection.destroy()
  return answerOf(connection, options.methods)
}

const isBytes = (bytes: Bytes | readonly Bytes[]): bytes is Bytes => !Array.isArray(bytes)

function answerOf(connection: RawConnection, methods: readonly string[] | undefined): RawAnswer {
  const { received: bytes, ended } = connection
  return {
    bytes,
    ended,
    get responses() {
      return connection.parse(methods)
    },
    get response() {
      const [first] = connection.parse(methods)
      if (!first) throw new Error(`no response in ${JSON.stringify(bytes.toString('latin1', 0, 200))}`)
      return first
    },
  }
}

/** Opens a connection to loopback; it is cut with its owner (see clean-up.ts). */
export async function openRaw(port: number, { tls }: RawOptions = {}): Promise<RawConnection> {
  const socket = tls ? connectTls({ host: '127.0.0.1', port, ...tls }) : connectPlain({ host: '127.0.0.1', port })
  onCleanUp(() => socket.destroy())
  const connection = new RawConnection(socket)
  await new Promise<void>((done, fail) => {
    socket.once('error', fail)
    socket.once(tls ? 'secureConnect' : 'connect', done)
  })
  return connection
}

/** A connection whose bytes the test writes and reads itself. */
export class RawConnection {
  readonly socket: Socket
  /** How the connection was broken, if it was. */
  error: Error | undefined
  /** The peer ended the connection, or it broke. */
  ended = false
  readonly #chunks: Buffer[] = []

  constructor(socket: Socket) {
    this.socket = socket.setNoDelay(true)
    const end = () => {
      this.ended = true
    }
    socket.on('data', (chunk: Buffer) => this.#chunks.push(chunk))
    socket.on('end', end).on('close', end)
    socket.on('error', (error) => {
      this.error = error
    })
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** Resolves when the bytes were handed to the system, also when the peer is gone: `error` tells. */
  write(bytes: Bytes): Promise<void> {
    return new Promise((done) => {
      this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, () => done())
    })
  }

  /** All complete responses so far. */
  parse(methods: readonly string[] = []): RawResponse[] {
    return parseResponses(this.received, { methods, ended: this.ended }).responses
  }

  /** Waits for the response of this number, 1 for the first. */
  response(number = 1, methods: readonly string[] = []): Promise<RawResponse> {
    return until(() => this.parse(methods)[number - 1], `response ${number}`)
  }

  /** Waits until the peer ended the connection. */
  async untilEnded(): Promise<void> {
    await until(() => this.ended, 'the peer ends the connection')
  }

  /** Ends our half; the peer may still answer. */
  end(): void {
    this.socket.end()
  }

  destroy(): void {
    this.socket.destroy()
  }

  /** Breaks the connection with a TCP reset; not through TLS. */
  reset(): void {
    this.socket.resetAndDestroy()
  }
}
