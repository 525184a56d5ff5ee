/** The instant by both clocks: the monotonic one may stop while the machine sleeps, the other one may be set. */
export interface Instant {
  readonly monotonic: number
  readonly wall: number
}

export const instant = (): Instant => ({ monotonic: performance.now(), wall: Date.now() })

/** How long a lease lasts, as its holder knows it: the clock that is further on counts. */
export class LeaseClock {
  readonly #durationMs: number
  #from: Instant
  #hasEnded = false

  /** @param from when it was asked for: it was granted later */
  constructor(durationMs: number, from: Instant) {
    this.#durationMs = durationMs
    this.#from = from
  }

  /** In milliseconds; not positive when it has ended. */
  remaining(now = instant()): number {
    if (this.#hasEnded) return 0
    const passed = Math.max(now.monotonic - this.#from.monotonic, now.wall - this.#from.wall)
    return this.#durationMs - passed
  }

  /** It was renewed. One that was ended stays so: its holder has been told to stop. */
  extend(from: Instant): void {
    this.#from = from
  }

  end(): void {
    this.#hasEnded = true
  }
}
