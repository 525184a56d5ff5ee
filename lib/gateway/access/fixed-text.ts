import { timingSafeEqual } from 'node:crypto'

/** Texts that are not longer are compared in the same time. */
const BLOCK = 64

/**
 * A text that others are compared with, in a time that says nothing about it but how many blocks it fills. Hashing both
 * sides would do the same for several times the price, with each request.
 */
export class FixedText {
  readonly #length: number
  readonly #text: Buffer
  readonly #other: Buffer

  constructor(text: string) {
    this.#length = Buffer.byteLength(text)
    this.#text = Buffer.alloc(Math.ceil((this.#length + 1) / BLOCK) * BLOCK)
    this.#text.write(text)
    this.#other = Buffer.alloc(this.#text.length)
  }

  /** Writes in UTF-8, and no more than there is room for: a longer text differs in its length in any case. */
  equals(other: string): boolean {
    const written = this.#other.write(other)
    const same = timingSafeEqual(this.#other, this.#text)
    this.#other.fill(0, 0, written)
    return same && Buffer.byteLength(other) === this.#length
  }
}
