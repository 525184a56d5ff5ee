import { conflict } from '../../crest/errors.ts'

/** Runs that are about to be executed or resumed, or are being removed: one of these at a time. */
export class HeldRuns {
  readonly #ids = new Set<string>()

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  /** @throws conflict when the run is held */
  async hold<T>(id: string, work: () => Promise<T>): Promise<T> {
    if (this.#ids.has(id))
      throw conflict(`Reconciliation ${id} is being executed, resumed or removed at this moment: try again`)
    this.#ids.add(id)
    try {
      return await work()
    } finally {
      this.#ids.delete(id)
    }
  }
}
