import type { Row } from '../../repo/runs/run-row.ts'
import type { RunRows } from '../../repo/runs/run-rows.ts'

interface Entry {
  readonly row: Row
  readonly isUrgent: boolean
  readonly resolve: (linked: boolean) => void
  readonly reject: (error: unknown) => void
}

/** A commit waits for the disk: one commit for many rows. */
const MAX_ROWS = 500
const MAX_DELAY_MS = 50

/** Batches the results of rows, with their links, into few commits. */
export class Committer {
  readonly #rows: RunRows
  #waiting: Entry[] = []
  #timer: NodeJS.Timeout | undefined
  #busy = false

  constructor(rows: RunRows) {
    this.#rows = rows
  }

  /**
   * Resolves when the row is committed.
   * @param isUrgent whether the commit is durable and takes the rows of the present turn of the event loop only; else it
   *   may be delayed for more rows, and what a power failure takes back is settled by its intent
   * @returns false when its link is not unique: the row has failed then
   */
  finish(row: Row, isUrgent: boolean): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>()
    this.#waiting.push({ row, isUrgent, resolve, reject })
    const isDue = isUrgent || this.#waiting.length >= MAX_ROWS
    if (this.#busy) return promise
    if (isDue || !this.#timer) {
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => void this.#commit(), isDue ? 0 : MAX_DELAY_MS)
    }
    return promise
  }

  /** Commits what waits without further delay. */
  flush(): void {
    if (this.#busy || !this.#timer) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#commit(), 0)
  }

  get #hasUrgent(): boolean {
    return this.#waiting.some(({ isUrgent }) => isUrgent)
  }

  async #commit(): Promise<void> {
    this.#busy = true
    this.#timer = undefined
    while (this.#waiting.length > 0) {
      const entries = this.#waiting
      this.#waiting = []
      try {
        const rows = entries.map(({ row }) => row)
        const linked = await this.#rows.finish(
          rows,
          entries.some(({ isUrgent }) => isUrgent),
        )
        for (const [index, { resolve }] of entries.entries()) resolve(linked[index] ?? false)
      } catch (error) {
        for (const { reject } of entries) reject(error)
      }
      if (!this.#hasUrgent && this.#waiting.length < MAX_ROWS) break
      await new Promise((next) => setImmediate(next))
    }
    this.#busy = false
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => void this.#commit(), MAX_DELAY_MS)
  }
}
