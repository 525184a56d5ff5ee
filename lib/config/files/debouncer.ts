/** Runs a callback once, at the earliest requested time: further requests never postpone it. */
export class Debouncer {
  readonly #callback: () => void
  #timer: NodeJS.Timeout | undefined
  #due = Number.POSITIVE_INFINITY

  constructor(callback: () => void) {
    this.#callback = callback
  }

  /** Runs the callback in `ms` milliseconds, or earlier if already requested. */
  schedule(ms: number): void {
    const due = performance.now() + ms
    if (due >= this.#due) return
    this.cancel()
    this.#due = due
    this.#timer = setTimeout(() => {
      this.cancel()
      this.#callback()
    }, ms)
  }

  cancel(): void {
    clearTimeout(this.#timer)
    this.#due = Number.POSITIVE_INFINITY
  }
}
