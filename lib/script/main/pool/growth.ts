import type { Threads } from './threads.ts'

/** How long a turn is left unused before one more thread is started. */
const HUNGER_MS = 5

/** Starts threads where they are missing, up to as many as there may be. */
export class Growth {
  readonly #threads: Pick<Threads, 'count' | 'grow'>
  readonly #most: () => number
  #hunger: NodeJS.Timeout | undefined

  constructor(threads: Pick<Threads, 'count' | 'grow'>, most: () => number) {
    this.#threads = threads
    this.#most = most
  }

  /** One more would be of use; it comes when that stays so for a while. */
  want(): void {
    this.#hunger ??= setTimeout(() => this.now(), HUNGER_MS)
  }

  /** None is missing. */
  rest(): void {
    clearTimeout(this.#hunger)
    this.#hunger = undefined
  }

  /** One more is needed. */
  now(): void {
    this.rest()
    if (this.#threads.count < this.#most()) void this.#threads.grow()
  }
}
