import { isIPv6 } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { type Awaitable, after } from '../../core/awaitable.ts'
import { MAX_DELAYED_FAILURES } from '../../core/bounds.ts'
import { LRUCache } from '../../core/lru-cache.ts'
import { tooManyRequests } from '../../crest/errors.ts'

/** Failures in a row that are answered at once: of an account from one address, and of an address with any accounts. */
const FREE_FAILURES = { pair: 3, network: 20 } as const
const FIRST_DELAY_MS = 200
const LONGEST_DELAY_MS = 5000
/** Without failures for this long, counting starts anew. */
const MEMORY_MS = 15 * 60_000
/** For this long after its last success a pair of account and address is exempt from the bound of its address. */
const TRUSTED_MS = 12 * 3_600_000
const MAX_REMEMBERED = 10_000

/** How long the answer to the n-th failure in a row is held back, in milliseconds. */
export const delayAfter = (failures: number, free: number): number =>
  failures <= free ? 0 : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - free - 1))

/** What counts as one address: a household or a host has a /64 of IPv6 addresses to choose from. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const text = address.toLowerCase().split('%', 1)[0] ?? ''
  if (text.startsWith('::ffff:') && text.includes('.')) return text.slice('::ffff:'.length)
  const [head = '', tail] = text.split('::', 2)
  const groups = head === '' ? [] : head.split(':')
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length)
  const all = [...groups, ...Array<string>(missing).fill('0'), ...(tail ? tail.split(':') : [])]
  return all.slice(0, 4).join(':')
}

export interface LoginThrottleOptions {
  /** Aborted when the gateway stops: nobody waits any longer. */
  readonly signal: AbortSignal
  readonly delay?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

interface Network {
  failures: number
  /** Answers that are held back. */
  delayed: number
}

/**
 * Slows failed logins down, per account and address and per address: each failure is answered later than the one
 * before. When an address has too many late answers it is refused, but for accounts that signed in from there lately:
 * behind a reverse proxy everyone has one address, and guessing must not lock the others out.
 */
export class LoginThrottle {
  readonly #pairs = new LRUCache<string, number>({ max: MAX_REMEMBERED, ttl: MEMORY_MS })
  readonly #networks = new LRUCache<string, Network>({ max: MAX_REMEMBERED, ttl: MEMORY_MS })
  readonly #trusted = new LRUCache<string, true>({ max: MAX_REMEMBERED, ttl: TRUSTED_MS })
  readonly #signal: AbortSignal
  readonly #delay: (ms: number, signal: AbortSignal) => Promise<unknown>

  constructor({ signal, delay = (ms, signal) => wait(ms, undefined, { signal, ref: false }) }: LoginThrottleOptions) {
    this.#signal = signal
    this.#delay = delay
  }

  /**
   * Runs `verify`.
   * @returns what it found; undefined, late, when the credentials fit none
   * @throws ResourceException 429 when too many failures of this address are held back
   */
  attempt<T>(account: string, address: string, verify: () => Awaitable<T | undefined>): Awaitable<T | undefined> {
    const network = networkOf(address)
    // No address holds a space.
    const pair = `${network} ${account.slice(0, 256)}`
    const isTrusted = this.#trusted.get(pair) === true
    if (!isTrusted && (this.#networks.get(network)?.delayed ?? 0) >= MAX_DELAYED_FAILURES) throw tooManyFailures()
    return after(verify(), (somebody) => {
      if (somebody === undefined) return this.#failed(pair, network)
      if (!isTrusted) this.#trusted.set(pair, true)
      return somebody
    })
  }

  async #failed(pair: string, networkName: string): Promise<undefined> {
    const failures = (this.#pairs.get(pair) ?? 0) + 1
    this.#pairs.set(pair, failures)
    const network = this.#networks.get(networkName) ?? { failures: 0, delayed: 0 }
    network.failures += 1
    this.#networks.set(networkName, network)
    const ms = Math.max(delayAfter(failures, FREE_FAILURES.pair), delayAfter(network.failures, FREE_FAILURES.network))
    if (ms > 0) await this.#holdBack(network, ms)
  }

  async #holdBack(network: Network, ms: number): Promise<void> {
    if (network.delayed >= MAX_DELAYED_FAILURES) throw tooManyFailures()
    network.delayed += 1
    try {
      await this.#delay(ms, this.#signal)
    } catch {
      // The gateway stops: the answer need not wait.
    } finally {
      network.delayed -= 1
    }
  }
}

const tooManyFailures = () =>
  tooManyRequests(
    `More than ${MAX_DELAYED_FAILURES} failed logins from this address wait for their answer`,
    LONGEST_DELAY_MS,
  )
