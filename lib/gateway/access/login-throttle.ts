import { isIPv6 } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { type Awaitable, after } from '../../core/awaitable.ts'
import { MAX_DELAYED_FAILURES } from '../../core/bounds.ts'
import { LRUCache } from '../../core/lru-cache.ts'
import { tooManyRequests } from '../../crest/errors.ts'

/** Consecutive failures answered without delay, per account and address and per address. */
const FREE_FAILURES = { pair: 3, network: 20 } as const
const MIN_DELAY_MS = 200
const MAX_DELAY_MS = 5000
/** The failure count expires after this time without failures. */
const FAILURE_TTL_MS = 15 * 60_000
/** After a success, the account is exempt from the limit of its address for this time. */
const TRUST_TTL_MS = 12 * 3_600_000
const MAX_ENTRIES = 10_000

/** Milliseconds by which the response to the n-th consecutive failure is delayed. */
export const delayAfter = (failures: number, free: number): number =>
  failures <= free ? 0 : Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2 ** (failures - free - 1))

/** Groups IPv6 addresses by /64, which one household or host can choose addresses from. */
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
  /** Aborted when the gateway stops; ends all delays. */
  readonly signal: AbortSignal
  readonly delay?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

interface Network {
  failures: number
  /** Delayed responses. */
  delayed: number
}

/**
 * Delays the responses to failed logins with exponential back-off, per account and address and per address. An address
 * with too many delayed responses is refused, except for accounts that recently signed in from it: behind a reverse
 * proxy all users share one address, and guessing must not lock them out.
 */
export class LoginThrottle {
  readonly #pairs = new LRUCache<string, number>({ max: MAX_ENTRIES, ttl: FAILURE_TTL_MS })
  readonly #networks = new LRUCache<string, Network>({ max: MAX_ENTRIES, ttl: FAILURE_TTL_MS })
  readonly #trusted = new LRUCache<string, true>({ max: MAX_ENTRIES, ttl: TRUST_TTL_MS })
  readonly #signal: AbortSignal
  readonly #delay: (ms: number, signal: AbortSignal) => Promise<unknown>

  constructor({ signal, delay = (ms, signal) => wait(ms, undefined, { signal, ref: false }) }: LoginThrottleOptions) {
    this.#signal = signal
    this.#delay = delay
  }

  /**
   * Runs `verify`.
   * @returns its result; undefined, delayed, for invalid credentials
   * @throws ResourceException 429 when too many responses to this address are delayed
   */
  attempt<T>(account: string, address: string, verify: () => Awaitable<T | undefined>): Awaitable<T | undefined> {
    const network = networkOf(address)
    // Addresses contain no space.
    const pair = `${network} ${account.slice(0, 256)}`
    const isTrusted = this.#trusted.get(pair) === true
    if (!isTrusted && (this.#networks.get(network)?.delayed ?? 0) >= MAX_DELAYED_FAILURES) throw tooManyFailures()
    return after(verify(), (result) => {
      if (result === undefined) return this.#failed(pair, network)
      if (!isTrusted) this.#trusted.set(pair, true)
      return result
    })
  }

  async #failed(pair: string, networkName: string): Promise<undefined> {
    const failures = (this.#pairs.get(pair) ?? 0) + 1
    this.#pairs.set(pair, failures)
    const network = this.#networks.get(networkName) ?? { failures: 0, delayed: 0 }
    network.failures += 1
    this.#networks.set(networkName, network)
    const ms = Math.max(delayAfter(failures, FREE_FAILURES.pair), delayAfter(network.failures, FREE_FAILURES.network))
    if (ms > 0) await this.#delayResponse(network, ms)
  }

  async #delayResponse(network: Network, ms: number): Promise<void> {
    if (network.delayed >= MAX_DELAYED_FAILURES) throw tooManyFailures()
    network.delayed += 1
    try {
      await this.#delay(ms, this.#signal)
    } catch {
      // The gateway stops: answer at once.
    } finally {
      network.delayed -= 1
    }
  }
}

const tooManyFailures = () =>
  tooManyRequests(`More than ${MAX_DELAYED_FAILURES} failed logins from this address are pending`, MAX_DELAY_MS)
