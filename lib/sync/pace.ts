import { setTimeout as delay } from 'node:timers/promises'
import { ResourceException } from '../crest/errors.ts'

/** A remote that asks for more patience than this is not waited for. */
const LONGEST_PAUSE_MS = 120_000
/** So often one request is sent again. */
const MOST_ATTEMPTS = 10

/** 429, and 503 that says when to come again: the remote has not done what it was asked. */
const isBusy = (error: unknown): error is ResourceException & { readonly retryAfterMs: number } =>
  error instanceof ResourceException && (error.code === 429 || error.code === 503) && error.retryAfterMs !== undefined

/** Slows all workers of a run down when a remote says that it is busy. */
export class Pace {
  readonly #signal: AbortSignal
  #until = 0

  /** @param signal ends the waiting */
  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  /** Does `work`, again as long as the remote says when to come again. */
  async keep<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      // A turn for each request that need not wait adds up.
      if (this.#until > performance.now()) await this.#wait()
      try {
        return await work()
      } catch (error) {
        if (!isBusy(error) || error.retryAfterMs > LONGEST_PAUSE_MS || attempt === MOST_ATTEMPTS) throw error
        this.#until = Math.max(this.#until, performance.now() + error.retryAfterMs)
      }
    }
  }

  async #wait(): Promise<void> {
    for (let left = this.#until - performance.now(); left > 0; left = this.#until - performance.now())
      await delay(left, undefined, { signal: this.#signal })
  }
}
