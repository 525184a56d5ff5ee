/** Calls `ring` once, at the earliest time that was asked for since it last rang: repeated calls never put it off. */
export class Alarm {
  readonly #ring: () => void
  #timer: NodeJS.Timeout | undefined
  #due = Number.POSITIVE_INFINITY

  constructor(ring: () => void) {
    this.#ring = ring
  }

  /** Rings in `ms` milliseconds, or earlier when that was asked for already. */
  set(ms: number): void {
    const due = performance.now() + ms
    if (due >= this.#due) return
    this.cancel()
    this.#due = due
    this.#timer = setTimeout(() => {
      this.cancel()
      this.#ring()
    }, ms)
  }

  cancel(): void {
    clearTimeout(this.#timer)
    this.#due = Number.POSITIVE_INFINITY
  }
}
