import type { IncomingMessage } from 'node:http'
import zlib from 'node:zlib'
import type { CapturedRequest } from '../contract.ts'
import { provesUnsent } from '../core/http/fault.ts'
import { utf8Text } from '../core/utf8.ts'

/** Max bytes of a response whose body is read, compressed or not: the object that was created. */
const MAX_BODY_BYTES = 1_048_576

type Decompress = (
  bytes: Buffer,
  options: { readonly maxOutputLength: number },
  callback: (error: Error | null, result: Buffer) => void,
) => void

const DECOMPRESSION: Readonly<Record<string, Decompress>> = {
  gzip: zlib.gunzip,
  'x-gzip': zlib.gunzip,
  deflate: zlib.inflate,
  br: zlib.brotliDecompress,
  zstd: zlib.zstdDecompress,
}

/** Tells what becomes of a captured request while it is exchanged. */
export class CapturedExchange {
  readonly #captured: CapturedRequest
  /** The response is read: what it says counts, not how the exchange with the caller ends. */
  #isComplete = false

  constructor(captured: CapturedRequest) {
    this.#captured = captured
  }

  /** The response that is relayed has begun. Its body is read only if it must be, and is relayed meanwhile. */
  answered(response: IncomingMessage): void {
    const status = response.statusCode ?? 0
    if (!this.#captured.needsBody(status)) {
      this.#captured.answered(status)
      return
    }
    const chunks: Buffer[] = []
    let size = 0
    response.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= MAX_BODY_BYTES) chunks.push(chunk)
    })
    response.on('end', () => {
      if (!response.complete) return
      this.#isComplete = true
      const bytes = size <= MAX_BODY_BYTES ? Buffer.concat(chunks) : undefined
      decoded(bytes, response.headers['content-encoding'], (text) => this.#captured.answered(status, text))
    })
  }

  /** The remote refused the credentials. */
  refused(): void {
    this.#captured.answered(401)
  }

  /** @param cause undefined: the request waited for a connection in vain, or the forward proxy refused it */
  failed(cause: unknown): void {
    if (cause === undefined || provesUnsent(cause)) this.unsent()
  }

  unsent(): void {
    this.#captured.unsent()
  }

  /** The exchange is over. */
  ended(): void {
    if (!this.#isComplete) this.#captured.lost()
  }
}

/** Passes on the text of a body; undefined if it is too long, or not what its headers say. */
function decoded(bytes: Buffer | undefined, coding = 'identity', done: (text: string | undefined) => void): void {
  const name = coding.trim().toLowerCase()
  const decompress = DECOMPRESSION[name]
  if (!bytes || name === 'identity' || !decompress) {
    done(bytes && name === 'identity' ? utf8Text(bytes) : undefined)
    return
  }
  decompress(bytes, { maxOutputLength: MAX_BODY_BYTES }, (error, result) => done(error ? undefined : utf8Text(result)))
}
