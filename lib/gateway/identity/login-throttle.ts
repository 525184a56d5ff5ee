import { setTimeout as wait } from 'node:timers/promises'
import { type Awaitable, after } from '../../util/awaitable.ts'
import { ExpiringCache } from './expiring-cache.ts'

const FREE_FAILURES = 3
const FIRST_DELAY_MS = 200
const LONGEST_DELAY_MS = 5000
/** A pair without failures for this long starts anew. */
const MEMORY_MS = 15 * 60_000
const REMEMBERED_PAIRS = 10_000
/** So many late answers of one pair may wait at a time; it bounds what guessing in parallel gains. */
const WAITING_LIMIT = 5

/** How long the answer to the n-th failure in a row is held back, in milliseconds. */
export const delayAfter = (failures: number): number =>
  failures <= FREE_FAILURES ? 0 : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - FREE_FAILURES - 1))

interface Failures {
  count: number
  /** Late answers that are still to come. */
  waiting: number
}

export interface LoginThrottleOptions {
  /** Aborted when the gateway stops: nobody waits any longer. */
  readonly signal: AbortSignal
  readonly delay?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/**
 * Slows failed logins down per account and address: each failure is answered later than the one before. Whoever knows
 * the password is never slowed, so nobody can lock an account from another address.
 */
export class LoginThrottle {
  readonly #records = new ExpiringCache<Failures>(REMEMBERED_PAIRS)
  readonly #signal: AbortSignal
  readonly #delay: (ms: number, signal: AbortSignal) => Promise<unknown>

  constructor({ signal, delay = (ms, signal) => wait(ms, undefined, { signal, ref: false }) }: LoginThrottleOptions) {
    this.#signal = signal
    this.#delay = delay
  }

  /**
   * Runs `verify`.
   * @returns what it found; undefined, late, when it found nobody or too many failures of this pair wait already
   */
  attempt<T>(account: string, address: string, verify: () => Awaitable<T | undefined>): Awaitable<T | undefined> {
    // No address holds a space.
    const key = `${address} ${account.slice(0, 256)}`
    const known = this.#records.get(key)
    const found = known && known.waiting >= WAITING_LIMIT ? undefined : verify()
    return after(found, (somebody) => somebody ?? this.#failed(key))
  }

  async #failed(key: string): Promise<undefined> {
    const record = this.#records.get(key) ?? { count: 0, waiting: 0 }
    record.count += 1
    this.#records.set(key, record, MEMORY_MS)
    await this.#holdBack(record)
  }

  async #holdBack(record: Failures): Promise<void> {
    const ms = delayAfter(record.count)
    if (ms === 0) return
    record.waiting += 1
    try {
      await this.#delay(ms, this.#signal)
    } catch {
      // The gateway stops: the answer need not wait.
    } finally {
      record.waiting -= 1
    }
  }
}
