import { MAX_TIMER_MS } from './time/duration.ts'

/** An operation with a deadline. It is in at most one queue. */
export abstract class Bounded {
  /** @internal Its place in the queue. */
  place: { end: number; previous: Bounded | undefined; next: Bounded | undefined } | undefined

  /** Called when the deadline has passed, at most once each time it was added. */
  abstract expired(): void
}

/**
 * Deadlines of equal length. They end in the order in which they began, so that one timer serves thousands of them, and a
 * request costs a list entry instead of a timer.
 *
 * It is a linked list, not a Map: the tables that a growing Map leaves behind refer to each other, and would promote their
 * entries (whole requests) into the old generation of the heap.
 */
export class DeadlineQueue {
  readonly #ms: number
  #first: Bounded | undefined
  #last: Bounded | undefined
  #timer: NodeJS.Timeout | undefined
  readonly #expire = () => {
    try {
      // Timers may fire up to a millisecond early.
      const due = performance.now() + 1
      for (let first = this.#first; first?.place && first.place.end <= due; first = this.#first) {
        this.delete(first)
        first.expired()
      }
    } finally {
      // Also when `expired` throws: the other deadlines remain.
      this.#timer = undefined
      if (this.#first?.place) this.#wake(this.#first.place.end - performance.now())
    }
  }

  /** @param ms 0 or Infinity = no deadline */
  constructor(ms: number) {
    this.#ms = Number.isFinite(ms) ? ms : 0
  }

  /** Starts, or restarts, its deadline. */
  add(bounded: Bounded): void {
    if (this.#ms === 0) return
    this.delete(bounded)
    bounded.place = { end: performance.now() + this.#ms, previous: this.#last, next: undefined }
    if (this.#last?.place) this.#last.place.next = bounded
    else this.#first = bounded
    this.#last = bounded
    if (!this.#timer) this.#wake(this.#ms)
  }

  /** Removes it; without effect when it was not added. */
  delete(bounded: Bounded): void {
    const { place } = bounded
    if (!place) return
    const { previous, next } = place
    // A removed entry may be in the old generation, and would keep those that it refers to alive.
    bounded.place = undefined
    place.previous = undefined
    place.next = undefined
    if (previous?.place) previous.place.next = next
    else this.#first = next
    if (next?.place) next.place.previous = previous
    else this.#last = previous
  }

  /** The timer does not keep the process alive; the operations do. */
  #wake(ms: number): void {
    this.#timer = setTimeout(this.#expire, Math.min(ms, MAX_TIMER_MS)).unref()
  }
}
