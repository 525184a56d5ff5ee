import { timingSafeEqual } from 'node:crypto'

/** Comparison time is constant within a multiple of this length. */
const BLOCK_BYTES = 64

/**
 * Compares a fixed text with others in a time that reveals only its length in blocks. Hashing both sides would cost
 * several times as much per request.
 */
export class ConstantTimeText {
  readonly #length: number
  readonly #text: Buffer
  readonly #other: Buffer

  constructor(text: string) {
    this.#length = Buffer.byteLength(text)
    this.#text = Buffer.alloc(Math.ceil((this.#length + 1) / BLOCK_BYTES) * BLOCK_BYTES)
    this.#text.write(text)
    this.#other = Buffer.alloc(this.#text.length)
  }

  /** `write` truncates to the buffer; a longer text has a different length anyway. */
  equals(other: string): boolean {
    const written = this.#other.write(other)
    const same = timingSafeEqual(this.#other, this.#text)
    this.#other.fill(0, 0, written)
    return same && Buffer.byteLength(other) === this.#length
  }
}
