import { untilAborted } from '../abort.ts'
import { DeadlineError } from './fault.ts'

/**
 * Limits concurrent requests to the number of connections; the others wait in order. undici's own queue has no deadline,
 * and a request in it cannot be told from one whose connection is being made (docs/pitfalls.md#anonymous-timeouts).
 */
export class Semaphore {
  #free: number
  readonly #maxWaiting: number
  readonly #waiting = new Set<() => void>()

  constructor(count: number, maxWaiting: number) {
    this.#free = count
    this.#maxWaiting = maxWaiting
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Acquires a permit; `release` must follow.
   * @returns undefined when a permit is free, else a promise that resolves when one is
   * @throws DeadlineError after `ms` milliseconds, or at once when the queue is full; the reason of `signal`
   */
  acquire(ms: number, signal: AbortSignal | undefined): Promise<void> | undefined {
    if (this.#free === 0) return this.#wait(ms, signal)
    this.#free--
    return undefined
  }

  async #wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.size >= this.#maxWaiting) throw new DeadlineError('queueFull')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const limited = Number.isFinite(ms) && ms > 0
    const timer = limited ? setTimeout(() => reject(new DeadlineError('queue')), ms) : undefined
    this.#waiting.add(resolve)
    try {
      await untilAborted(promise, signal)
    } catch (error) {
      // Given a permit at the moment the deadline passed: hand it to the next.
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
