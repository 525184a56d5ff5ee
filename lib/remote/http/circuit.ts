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

/** So many connections in a row could not be made: the remote is dead as far as we know. */
const FAILURES = 5
/** How long nobody is let through; longer each time that the one who then is let through fails, too. */
const PAUSES_MS = [1000, 2000, 4000, 8000, 15_000] as const

/**
 * No connection can be made. All else is no reason to keep callers away: a remote that answers, be it with 500, lives,
 * and one that is slow at one thing may be quick at another.
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

const letThrough = (): void => undefined

/**
 * Keeps callers from waiting for a remote that is known to be dead, and the remote from all of them at the moment it
 * comes up: 503 at once, and one request at a time to see. It belongs to one instance, so new settings begin anew.
 * The policy is cockatiel's; the clock is ours where callers are told of it, for that of the machine may be set back.
 */
export class Circuit {
  readonly #instance: string
  readonly #log: Logger
  readonly #now: () => number
  /** Absent while all is well, which costs a request nothing. */
  #policy: CircuitBreakerPolicy | undefined
  #closedUntil = 0
  /** The request that was let through to see. */
  #probe: PromiseWithResolvers<void> | undefined
  #told = false

  constructor(instance: string, log: Logger, now: () => number = () => performance.now()) {
    this.#instance = instance
    this.#log = log
    this.#now = now
  }

  /**
   * Called for each request before anything else is done for it.
   * @returns to be called when the request is over, whatever came of it; twice is harmless
   * @throws ResourceException 503 while the remote is known to be dead
   */
  enter(): () => void {
    const policy = this.#policy
    if (!policy || policy.state === CircuitState.Closed) return letThrough
    const retryAfterMs = this.#closedUntil - this.#now()
    if (this.#probe || retryAfterMs > 0) throw this.#refusal(Math.max(retryAfterMs, PAUSES_MS[0]))
    return this.#letOneThrough(policy)
  }

  /** A connection to the remote exists. */
  reached(): void {
    if (!this.#policy) return
    if (this.#told) this.#log.info({ instance: this.#instance }, `remote instance "${this.#instance}" is reached again`)
    this.#told = false
    this.#policy = undefined
    this.#probe?.resolve()
    this.#probe = undefined
  }

  /** An exchange failed. */
  failed(fault: FaultName): void {
    if (!UNREACHABLE.has(fault)) return
    this.#policy ??= this.#newPolicy()
    if (this.#probe) this.#probe.reject(new Error(fault))
    else void this.#policy.execute(() => Promise.reject(new Error(fault))).catch(letThrough)
  }

  #newPolicy(): CircuitBreakerPolicy {
    const policy = circuitBreaker(handleAll, {
      breaker: new ConsecutiveBreaker(FAILURES),
      halfOpenAfter: new IterableBackoff(PAUSES_MS),
    })
    let openings = 0
    policy.onBreak(() => {
      const pause = PAUSES_MS[Math.min(openings++, PAUSES_MS.length - 1)] ?? 0
      this.#closedUntil = this.#now() + pause
      if (!this.#told) this.#log.info({ instance: this.#instance }, OPENED(this.#instance))
      this.#told = true
    })
    return policy
  }

  #letOneThrough(policy: CircuitBreakerPolicy): () => void {
    const probe = Promise.withResolvers<void>()
    this.#probe = probe
    const over = () => {
      if (this.#probe === probe) this.#probe = undefined
    }
    policy
      .execute(() => probe.promise)
      .catch((error: unknown) => {
        // The clock of the machine was set back: better to begin anew than to be closed for an hour.
        if (error instanceof BrokenCircuitError && this.#policy === policy) this.#policy = undefined
      })
      .finally(over)
    // Nobody knows: the caller has left, say.
    return () => probe.reject(new Error('the request ended without a connection'))
  }

  #refusal(retryAfterMs: number): ResourceException {
    const { code, message } = faultException(this.#instance, 'circuit', undefined)
    return new ResourceException(code, message, { retryAfterMs })
  }
}

const OPENED = (instance: string): string =>
  `remote instance "${instance}": ${FAILURES} connections in a row could not be made; callers are told so at once, and one ` +
  'at a time is let through to see'
