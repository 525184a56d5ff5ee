const FIRST_BYTES = 1024

/** A set of whole numbers from 0 up: one bit for each number below the highest, so that millions cost little. */
export class BitSet {
  #bytes = new Uint8Array(FIRST_BYTES)

  add(number: number): void {
    const index = number >>> 3
    if (index >= this.#bytes.length) this.#grow(index)
    this.#bytes[index] = (this.#bytes[index] ?? 0) | (1 << (number & 7))
  }

  has(number: number): boolean {
    return ((this.#bytes[number >>> 3] ?? 0) & (1 << (number & 7))) !== 0
  }

  #grow(index: number): void {
    const bytes = new Uint8Array(Math.max(index + 1, this.#bytes.length * 2))
    bytes.set(this.#bytes)
    this.#bytes = bytes
  }
}
