import { serviceUnavailable } from '../../../crest/errors.ts'
import type { Database } from '../statements/database.ts'

/** The runs of which this process keeps what they see in scratch tables. */
export class ScratchRuns {
  readonly #db: Pick<Database, 'epoch'>
  /** See `Database.epoch`. */
  readonly #epochs = new Map<number, number>()

  constructor(db: Pick<Database, 'epoch'>) {
    this.#db = db
  }

  get numbers(): number[] {
    return [...this.#epochs.keys()]
  }

  /** Notes that a run is about to keep something. @throws what `check` throws */
  use(run: number): void {
    if (!this.#epochs.has(run)) this.#epochs.set(run, this.#db.epoch)
    this.check(run)
  }

  /**
   * Called once an answer is there.
   * @throws ResourceException when the database has lost what the run keeps: it would seem to have seen nothing
   */
  check(run: number): void {
    const { epoch } = this.#db
    if ((this.#epochs.get(run) ?? epoch) !== epoch)
      throw serviceUnavailable('The database has crashed and lost what this reconciliation had read: start it again')
  }

  forget(run: number): void {
    this.#epochs.delete(run)
  }
}
