import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleAll,
  IterableBackoff,
} from 'cockatiel'
import type { Logger } from '../../contract.ts'
import type { FaultName } from '../../core/http/fault.ts'
import { ResourceException } from '../../crest/errors.ts'
import { faultException } from './fault.ts'

/** Consecutive connection failures that open the circuit. */
const MAX_FAILURES = 5
/** How long the circuit stays open; each failed half-open probe moves on to the next. */
const BACKOFF_MS = [1000, 2000, 4000, 8000, 15_000] as const

/**
 * Faults that count: no connection can be made. Others do not, since a remote that answers is alive, even with 500, and
 * a remote that is slow for one request may be fast for another.
 */
const UNREACHABLE: ReadonlySet<FaultName> = new Set<FaultName>([
  'nameResolution',
  'refused',
  'unreachable',
  'connect',
  'tls',
  'certificateUnknown',
  'certificateExpired',
  'certificateNotYetValid',
  'certificateHostName',
  'certificateInvalid',
  'forwardProxy',
])

const noop = (): void => undefined

/**
 * Circuit breaker of one instance. While it is open, callers get 503 at once, and one request at a time is a half-open
 * probe, so that a remote that comes up is not flooded. New settings start with a closed circuit. The policy is
 * cockatiel's. `Retry-After` uses a monotonic clock, since the wall clock may be set back.
 */
export class Circuit {
  readonly #instance: string
  readonly #log: Logger
  readonly #now: () => number
  /** Undefined while no connection has failed: a request then pays nothing for the circuit. */
  #policy: CircuitBreakerPolicy | undefined
  #openUntil = 0
  /** The half-open probe. */
  #probe: PromiseWithResolvers<void> | undefined
  #logged = false

  constructor(instance: string, log: Logger, now: () => number = () => performance.now()) {
    this.#instance = instance
    this.#log = log
    this.#now = now
  }

  get isOpen(): boolean {
    return this.#policy !== undefined && this.#policy.state !== CircuitState.Closed
  }

  /**
   * Admits a request.
   * @returns a function to call when the request has ended, whatever its result; idempotent
   * @throws ResourceException 503 while the circuit is open
   */
  enter(): () => void {
    const policy = this.#policy
    if (!policy || policy.state === CircuitState.Closed) return noop
    const retryAfterMs = this.#openUntil - this.#now()
    if (this.#probe || retryAfterMs > 0) throw this.#refusal(Math.max(retryAfterMs, BACKOFF_MS[0]))
    return this.#startProbe(policy)
  }

  /** Reports that a connection was made: closes the circuit. */
  reached(): void {
    if (!this.#policy) return
    if (this.#logged)
      this.#log.info({ instance: this.#instance }, `remote instance "${this.#instance}" is reached again`)
    this.#logged = false
    this.#policy = undefined
    this.#probe?.resolve()
    this.#probe = undefined
  }

  /** Reports a failed exchange. */
  failed(fault: FaultName): void {
    if (!UNREACHABLE.has(fault)) return
    this.#policy ??= this.#newPolicy()
    if (this.#probe) this.#probe.reject(new Error(fault))
    else void this.#policy.execute(() => Promise.reject(new Error(fault))).catch(noop)
  }

  #newPolicy(): CircuitBreakerPolicy {
    const policy = circuitBreaker(handleAll, {
      breaker: new ConsecutiveBreaker(MAX_FAILURES),
      halfOpenAfter: new IterableBackoff(BACKOFF_MS),
    })
    let openings = 0
    policy.onBreak(() => {
      const pause = BACKOFF_MS[Math.min(openings++, BACKOFF_MS.length - 1)] ?? 0
      this.#openUntil = this.#now() + pause
      if (!this.#logged) this.#log.info({ instance: this.#instance }, OPENED(this.#instance))
      this.#logged = true
    })
    return policy
  }

  #startProbe(policy: CircuitBreakerPolicy): () => void {
    const probe = Promise.withResolvers<void>()
    this.#probe = probe
    const over = () => {
      if (this.#probe === probe) this.#probe = undefined
    }
    policy
      .execute(() => probe.promise)
      .catch((error: unknown) => {
        // The wall clock was set back: start over instead of staying open for an hour.
        if (error instanceof BrokenCircuitError && this.#policy === policy) this.#policy = undefined
      })
      .finally(over)
    // For example, the caller has disconnected.
    return () => probe.reject(new Error('the request ended without a connection'))
  }

  #refusal(retryAfterMs: number): ResourceException {
    const { code, message } = faultException(this.#instance, 'circuit', undefined)
    return new ResourceException(code, message, { retryAfterMs })
  }
}

const OPENED = (instance: string): string =>
  `remote instance "${instance}": ${MAX_FAILURES} connections in a row failed; requests are answered with 503 at once, ` +
  'except for one probe at a time'
