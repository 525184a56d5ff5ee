import type { Row, RunRows } from '../../repo/run-rows.ts'

interface Entry {
  readonly row: Row
  readonly resolve: (linked: boolean) => void
  readonly reject: (error: unknown) => void
}

/** A commit waits for the disk, and all of the process with it: rather one for many rows. */
const MOST_ROWS = 500
const LINGER_MS = 50

/** Writes what became of rows, together with their links, many in one commit. */
export class Committer {
  readonly #rows: RunRows
  readonly #lingers: boolean
  #waiting: Entry[] = []
  #timer: NodeJS.Timeout | undefined
  #busy = false

  /**
   * @param lingers whether a commit may wait for more rows, and need not wait for the disk; else it takes what has come by
   * the end of the turn
   */
  constructor(rows: RunRows, lingers: boolean) {
    this.#rows = rows
    this.#lingers = lingers
  }

  /** Resolves when it is written. @returns false when the link would break a unique rule: the row is a failure then */
  finish(row: Row): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>()
    this.#waiting.push({ row, resolve, reject })
    const full = this.#waiting.length >= MOST_ROWS
    if (this.#busy) return promise
    if (full || !this.#timer) {
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => void this.#commit(), full || !this.#lingers ? 0 : LINGER_MS)
    }
    return promise
  }

  async #commit(): Promise<void> {
    this.#busy = true
    this.#timer = undefined
    while (this.#waiting.length > 0) {
      const entries = this.#waiting
      this.#waiting = []
      try {
        const rows = entries.map(({ row }) => row)
        const linked = await (this.#lingers ? this.#rows.finishUnhurried(rows) : this.#rows.finish(rows))
        for (const [index, { resolve }] of entries.entries()) resolve(linked[index] ?? false)
      } catch (error) {
        for (const { reject } of entries) reject(error)
      }
      if (this.#lingers && this.#waiting.length < MOST_ROWS) break
      await new Promise((next) => setImmediate(next))
    }
    this.#busy = false
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => void this.#commit(), LINGER_MS)
  }
}
