import { instanceIn } from './remote-path.ts'

/** When a run began, by the clock of its source: what changes later than that is the business of the next one. */
export class SourceClock {
  readonly #isRemote: boolean
  readonly #begin = Date.now()
  /** The wall clock may be set while the run goes on. */
  readonly #beginTicks = performance.now()
  #earliest = Number.POSITIVE_INFINITY

  /** @param paths of what the run reads */
  constructor(paths: readonly string[]) {
    this.#isRemote = paths.some((path) => instanceIn(path) !== undefined)
  }

  /**
   * Takes the time in an answer of the remote, in milliseconds since 1970. An answer that takes long makes the result
   * earlier than it is, never later; of the nodes of a cluster the slowest clock counts.
   */
  readonly onDate = (time: number): void => {
    const begin = time - (performance.now() - this.#beginTicks)
    this.#earliest = Math.min(this.#earliest, begin)
  }

  /** Milliseconds since 1970; undefined while the remote has not said what time it is. */
  get begin(): number | undefined {
    if (!this.#isRemote) return this.#begin
    return Number.isFinite(this.#earliest) ? Math.floor(this.#earliest) : undefined
  }
}
