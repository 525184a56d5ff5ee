import { setTimeout as delay } from 'node:timers/promises'
import {
  ConstantBackoff,
  ExponentialBackoff,
  handleWhen,
  type IBackoff,
  noJitterGenerator,
  type RetryPolicy,
  retry,
} from 'cockatiel'
import { ResourceException } from '../../crest/errors.ts'

/** A remote that asks for a longer pause fails the requests, and gets none until the pause is over. */
const MAX_PAUSE_MS = 120_000
/** Max attempts per request. */
const MAX_ATTEMPTS = 10
/** Without `Retry-After`: a request gives up after about two minutes. */
const BACKOFF = new ExponentialBackoff({ generator: noJitterGenerator, initialDelay: 500, maxDelay: 30_000 })
/** Share of a pause over which the requests after it are spread. */
const JITTER = 0.1

/** 429 and 503: the remote has not done the work, so that even a write can be sent again. */
const isBusy = (error: unknown): error is ResourceException =>
  error instanceof ResourceException && (error.code === 429 || error.code === 503)

const pauseOf = ({ retryAfterMs = 0 }: ResourceException): number => retryAfterMs

const isWorthWaiting = (error: unknown): boolean => isBusy(error) && pauseOf(error) <= MAX_PAUSE_MS

/**
 * One back-off for all workers of a run: while a remote is busy, none of them sends it requests. Without `Retry-After`
 * the pauses grow as long as the remote stays busy.
 */
export class SharedBackoff {
  readonly #signal: AbortSignal
  /** Counts the attempts. The pauses are shared by all requests, and end when the run is canceled. */
  readonly #policy: RetryPolicy
  /** When the pause began, when it ends, and over what time requests are spread after it. */
  #pause = { begin: 0, end: 0, spread: 0 }
  #backoff: IBackoff<unknown> | undefined
  #refusal: { readonly error: ResourceException; readonly until: number } | undefined

  /**
   * @param signal ends the waiting
   * @param attempts max attempts per request
   */
  constructor(signal: AbortSignal, attempts = MAX_ATTEMPTS) {
    this.#signal = signal
    this.#policy = retry(handleWhen(isWorthWaiting), { maxAttempts: attempts - 1, backoff: new ConstantBackoff(0) })
  }

  /** Runs `work`, again while the remote is busy. */
  run<T>(work: () => Promise<T>): Promise<T> {
    return this.#policy.execute(() => this.#attempt(work), this.#signal)
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    // Most requests need not wait: each turn of the event loop saved counts.
    if (this.#pause.end > performance.now()) await this.#wait()
    if (this.#refusal && this.#refusal.until > performance.now()) throw this.#refusal.error
    const begin = performance.now()
    try {
      return await work()
    } catch (error) {
      if (isBusy(error)) this.#slowDown(error, begin)
      throw error
    }
  }

  async #wait(): Promise<void> {
    // Another request may extend the pause.
    for (let now = performance.now(); now < this.#pause.end; now = performance.now()) {
      const { end, spread } = this.#pause
      await delay(end - now + Math.random() * spread, undefined, { signal: this.#signal })
    }
  }

  #slowDown(error: ResourceException, begin: number): void {
    const now = performance.now()
    const requested = pauseOf(error)
    if (requested > MAX_PAUSE_MS) this.#refusal = { error, until: now + requested }
    else if (requested > 0) this.#pauseFor(requested, requested * JITTER)
    // All requests in flight are refused at the same time: they count as one reason to slow down.
    else if (begin >= this.#pause.begin) this.#backOff(now)
  }

  #backOff(now: number): void {
    const isBusyAgain = now < this.#pause.end + (this.#backoff?.duration ?? 0) * 2
    this.#backoff = isBusyAgain && this.#backoff ? this.#backoff.next(undefined) : BACKOFF.next()
    const half = this.#backoff.duration / 2
    this.#pauseFor(half, half)
  }

  #pauseFor(ms: number, spread: number): void {
    const now = performance.now()
    if (now + ms > this.#pause.end) this.#pause = { begin: now, end: now + ms, spread }
  }
}
