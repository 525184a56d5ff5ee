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

/** A remote that asks for more patience than this is not waited for, and not asked either until then. */
const MAX_PAUSE_MS = 120_000
const MAX_ATTEMPTS = 10
/** Where the remote does not say when to come again; a request gives up after about two minutes. */
const BACKOFF = new ExponentialBackoff({ generator: noJitterGenerator, initialDelay: 500, maxDelay: 30_000 })
/** How much later than the remote said a request may come, so that not all of them come at once. */
const JITTER = 0.1

/** 429 and 503: the remote has not done what it was asked, so that even a write can be sent again. */
const isBusy = (error: unknown): error is ResourceException =>
  error instanceof ResourceException && (error.code === 429 || error.code === 503)

const pauseOf = ({ retryAfterMs = 0 }: ResourceException): number => retryAfterMs

const isWorthWaiting = (error: unknown): boolean => isBusy(error) && pauseOf(error) <= MAX_PAUSE_MS

/**
 * One pace for all workers of a run: when a remote says that it is busy, none of them asks it until the pause is over.
 * Without `Retry-After` the pauses grow while the remote stays busy.
 */
export class Pace {
  readonly #signal: AbortSignal
  /** Counts the attempts; the pauses are common to all requests, and end when the run is cancelled. */
  readonly #policy: RetryPolicy = retry(handleWhen(isWorthWaiting), {
    maxAttempts: MAX_ATTEMPTS - 1,
    backoff: new ConstantBackoff(0),
  })
  /** When the pause began, when it ends, and over what time the requests spread behind that. */
  #pause = { begin: 0, end: 0, spread: 0 }
  #backoff: IBackoff<unknown> | undefined
  #refusal: { readonly error: ResourceException; readonly until: number } | undefined

  /** @param signal ends the waiting */
  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  /** Does `work`, again as long as the remote is busy. */
  keep<T>(work: () => Promise<T>): Promise<T> {
    return this.#policy.execute(() => this.#attempt(work), this.#signal)
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    // A turn for each request that need not wait adds up.
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
    // Another request may make the pause longer.
    for (let now = performance.now(); now < this.#pause.end; now = performance.now()) {
      const { end, spread } = this.#pause
      await delay(end - now + Math.random() * spread, undefined, { signal: this.#signal })
    }
  }

  #slowDown(error: ResourceException, begin: number): void {
    const now = performance.now()
    const told = pauseOf(error)
    if (told > MAX_PAUSE_MS) this.#refusal = { error, until: now + told }
    else if (told > 0) this.#pauseFor(told, told * JITTER)
    // All requests that were under way are refused at the same time: that is one reason to slow down, not many.
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
