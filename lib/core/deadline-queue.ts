import { LONGEST_MS } from './duration.ts'

/** Something that must be over in time. It waits in one queue at most. */
export abstract class Bounded {
  /** @internal Its place in the queue that it waits in. */
  place: { end: number; previous: Bounded | undefined; next: Bounded | undefined } | undefined

  /** It is not over. Called at most once for each time it was added. */
  abstract expired(): void
}

/**
 * Deadlines that are all equally long: they end in the order in which they began, so that one timer serves thousands of
 * them and a request pays for its place in a list instead of for a timer of its own.
 *
 * A list and not a Map: the tables that a Map leaves behind as it grows refer to one another, and would carry what was
 * in them, whole requests, into the old generation of the heap.
 */
export class DeadlineQueue {
  readonly #ms: number
  #first: Bounded | undefined
  #last: Bounded | undefined
  #timer: NodeJS.Timeout | undefined
  readonly #expire = () => {
    try {
      // Timers may come up to a millisecond early.
      const due = performance.now() + 1
      for (let first = this.#first; first?.place && first.place.end <= due; first = this.#first) {
        this.delete(first)
        first.expired()
      }
    } finally {
      // Also when one of them throws: the others are still waited for.
      this.#timer = undefined
      if (this.#first?.place) this.#wake(this.#first.place.end - performance.now())
    }
  }

  /** @param ms 0 or Infinity = no deadline */
  constructor(ms: number) {
    this.#ms = Number.isFinite(ms) ? ms : 0
  }

  /** Its time begins now, and anew when it had begun already. */
  add(bounded: Bounded): void {
    if (this.#ms === 0) return
    this.delete(bounded)
    bounded.place = { end: performance.now() + this.#ms, previous: this.#last, next: undefined }
    if (this.#last?.place) this.#last.place.next = bounded
    else this.#first = bounded
    this.#last = bounded
    if (!this.#timer) this.#wake(this.#ms)
  }

  /** It is over, or was never added. */
  delete(bounded: Bounded): void {
    const { place } = bounded
    if (!place) return
    const { previous, next } = place
    // What has left must not refer to what still waits: it may be old, and would make that old as well.
    bounded.place = undefined
    place.previous = undefined
    place.next = undefined
    if (previous?.place) previous.place.next = next
    else this.#first = next
    if (next?.place) next.place.previous = previous
    else this.#last = previous
  }

  /** Keeps no process alive: what is waited for does that. */
  #wake(ms: number): void {
    this.#timer = setTimeout(this.#expire, Math.min(ms, LONGEST_MS)).unref()
  }
}
