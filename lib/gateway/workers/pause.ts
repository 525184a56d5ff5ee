/** A worker that has lived so long did not die of its start. */
const STEADY_MS = 60_000
/** Before a worker is replaced; doubled each time in a row that one dies young. */
const FIRST_MS = 100
const LONGEST_MS = 30_000

/** How long a dead worker is mourned: not at all would have one that dies of its start keep the machine busy. */
export class RestartPause {
  #deaths = 0

  /** @param lived how long the worker was there before it died; 0 when it could not be started */
  next(lived: number): number {
    if (lived > STEADY_MS) this.#deaths = 0
    return Math.min(FIRST_MS * 2 ** this.#deaths++, LONGEST_MS)
  }
}
