import type { RowOutcome, RunRows } from '../repo/run-rows.ts'

interface Entry {
  readonly outcome: RowOutcome
  readonly resolve: (linked: boolean) => void
  readonly reject: (error: unknown) => void
}

/**
 * Writes what became of rows, together with their links: those that end while a commit is under way share the next one.
 * Whoever finished a row goes on when it is on the disk, so a crash loses no more links than there are workers.
 */
export class Committer {
  readonly #rows: RunRows
  #waiting: Entry[] = []
  #busy = false

  constructor(rows: RunRows) {
    this.#rows = rows
  }

  /** @returns false when the link would break a unique rule: the row is a failure then */
  finish(outcome: RowOutcome): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>()
    this.#waiting.push({ outcome, resolve, reject })
    if (!this.#busy) {
      this.#busy = true
      setImmediate(() => void this.#commit())
    }
    return promise
  }

  async #commit(): Promise<void> {
    while (this.#waiting.length > 0) {
      const entries = this.#waiting
      this.#waiting = []
      try {
        const linked = await this.#rows.finish(entries.map(({ outcome }) => outcome))
        for (const [index, { resolve }] of entries.entries()) resolve(linked[index] ?? false)
      } catch (error) {
        for (const { reject } of entries) reject(error)
      }
      await new Promise((next) => setImmediate(next))
    }
    this.#busy = false
  }
}
