import { singleFlight } from '../../core/single-flight.ts'
import { ResourceException } from '../../crest/errors.ts'
import { type Authentication, type Credentials, credentialsOf } from './authentication.ts'

/** An access token. `life` is in milliseconds. */
export interface Token {
  readonly value: string
  readonly life: number
}

interface CachedToken {
  readonly credentials: Credentials
  readonly refreshAt: number
  readonly expiresAt: number
}

/**
 * A token is renewed this long before it expires, but not before half of its life has passed
 * (docs/pitfalls.md#token-expiry).
 */
const MAX_SKEW_MS = 30_000
/** Back-off after a failed token request: doubled with each further failure, up to the maximum. */
const INITIAL_BACKOFF_MS = 1_000
const MAX_BACKOFF_MS = 15_000
/** Longest pause that a `Retry-After` of the endpoint is granted. */
const MAX_RETRY_AFTER_MS = 300_000

/**
 * OAuth 2.0 bearer tokens of one instance. A token is cached until shortly before it expires. Concurrent callers share
 * one token request (docs/pitfalls.md#token-stampede). A token that the remote refuses is dropped. Failures back off.
 */
export class BearerAuthentication implements Authentication {
  readonly #fetch: () => Promise<Token>
  readonly #now: () => number
  readonly #refresh = singleFlight(() => this.#renew())
  #token: CachedToken | undefined
  #failure: { error: ResourceException; until: number; backoff: number } | undefined

  /** @param fetch asks the token endpoint; rejects with a ResourceException */
  constructor(fetch: () => Promise<Token>, now: () => number = () => performance.now()) {
    this.#fetch = fetch
    this.#now = now
  }

  credentials(): Credentials | Promise<Credentials> {
    const now = this.#now()
    const token = this.#token
    if (token && now < token.refreshAt) return token.credentials
    return this.#refresh().catch((error: unknown) => {
      // While the endpoint is down, a token that has not expired stays in use.
      if (token && token === this.#token && this.#now() < token.expiresAt) return token.credentials
      throw error
    })
  }

  refused(credentials: Credentials): boolean {
    if (this.#token?.credentials === credentials) this.#token = undefined
    return true
  }

  /** Takes over the token of the authentication that this one replaces. */
  takeOver(previous: BearerAuthentication): void {
    this.#token = previous.#token
  }

  async #renew(): Promise<Credentials> {
    const failure = this.#failure
    const left = failure ? failure.until - this.#now() : 0
    if (failure && left > 0) throw withRetryAfter(failure.error, left)
    try {
      const { value, life } = await this.#fetch()
      this.#failure = undefined
      const now = this.#now()
      const credentials = credentialsOf(`Bearer ${value}`)
      const refreshAt = now + life - Math.min(MAX_SKEW_MS, life / 2)
      this.#token = { credentials, refreshAt, expiresAt: now + life }
      return credentials
    } catch (error) {
      const backoff = Math.min(failure ? failure.backoff * 2 : INITIAL_BACKOFF_MS, MAX_BACKOFF_MS)
      if (error instanceof ResourceException) {
        const retryAfter = Math.min(error.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS)
        this.#failure = { error, backoff, until: this.#now() + Math.max(backoff, retryAfter) }
      }
      throw error
    }
  }
}

/** The same error with the time that remains until the next attempt. */
function withRetryAfter(error: ResourceException, retryAfterMs: number): ResourceException {
  if (error.retryAfterMs === undefined) return error
  return new ResourceException(error.code, error.message, { retryAfterMs })
}
