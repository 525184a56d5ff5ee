import { untilAborted } from '../../core/abort.ts'
import { DeadlineError } from './fault.ts'

/**
 * As many at a time as there are connections; the others wait in order. undici's own queue has no deadline, and a
 * request in it can not be told from one whose connection is being made (docs/pitfalls.md#anonymous-timeouts).
 */
export class Slots {
  #free: number
  readonly #longestQueue: number
  readonly #waiting = new Set<() => void>()

  /** @param longestQueue how many may wait */
  constructor(count: number, longestQueue: number) {
    this.#free = count
    this.#longestQueue = longestQueue
  }

  /**
   * Takes a slot; `release` must follow.
   * @returns undefined when there is one, else a promise that resolves when there is
   * @throws DeadlineError after `ms` milliseconds, or at once when too many wait already, and the reason of `signal`
   */
  take(ms: number, signal: AbortSignal | undefined): Promise<void> | undefined {
    if (this.#free === 0) return this.#wait(ms, signal)
    this.#free--
    return undefined
  }

  async #wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.size >= this.#longestQueue) throw new DeadlineError('queueFull')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const limited = Number.isFinite(ms) && ms > 0
    const timer = limited ? setTimeout(() => reject(new DeadlineError('queue')), ms) : undefined
    this.#waiting.add(resolve)
    try {
      await untilAborted(promise, signal)
    } catch (error) {
      // Handed a slot at the very moment its patience ended: it goes to the next.
      if (!this.#waiting.has(resolve)) this.release()
      throw error
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(resolve)
    }
  }

  release(): void {
    const [next] = this.#waiting
    if (!next) {
      this.#free++
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
