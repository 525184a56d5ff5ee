/** Something that must be over in time. */
export interface Bounded {
  /** It is not. Called at most once for each time it was added. */
  expired(): void
}

/**
 * Deadlines that are all equally long: they end in the order in which they began, so that one timer serves thousands of
 * them and a request pays for an entry of a Map instead of for a timer of its own.
 */
export class DeadlineQueue {
  readonly #ms: number
  readonly #ends = new Map<Bounded, number>()
  #timer: NodeJS.Timeout | undefined
  readonly #expire = () => {
    this.#timer = undefined
    const now = performance.now()
    for (const [bounded, end] of this.#ends) {
      // Timers may come up to a millisecond early.
      if (end > now + 1) {
        this.#wake(end - now)
        return
      }
      this.#ends.delete(bounded)
      bounded.expired()
    }
  }

  /** @param ms 0 or Infinity = no deadline */
  constructor(ms: number) {
    this.#ms = Number.isFinite(ms) ? ms : 0
  }

  /** Its time begins now, and anew when it had begun already. */
  add(bounded: Bounded): void {
    if (this.#ms === 0) return
    this.#ends.delete(bounded)
    this.#ends.set(bounded, performance.now() + this.#ms)
    if (!this.#timer) this.#wake(this.#ms)
  }

  /** It is over, or was never added. */
  delete(bounded: Bounded): void {
    this.#ends.delete(bounded)
  }

  /** Keeps no process alive: what is waited for does that. */
  #wake(ms: number): void {
    this.#timer = setTimeout(this.#expire, ms).unref()
  }
}
