import { singleFlight } from '../../core/single-flight.ts'
import { ResourceException } from '../../crest/errors.ts'
import { type Authentication, type Credentials, credentialsOf } from './authentication.ts'

/** What a token endpoint granted. `life` is in milliseconds. */
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
 * Time before the end of a token's life at which a new one is fetched; never more than half of the life
 * (docs/pitfalls.md#token-expiry).
 */
const LONGEST_SKEW_MS = 30_000
/** After a failure the endpoint is left alone for this long, doubled with each further failure up to the longest. */
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 15_000
/** However long the endpoint asks to be left alone. */
const MAX_TOLD_PAUSE_MS = 300_000

/**
 * OAuth 2.0 bearer tokens of one instance: kept until shortly before they expire, one request in flight however many
 * callers wait (docs/pitfalls.md#token-stampede), the token that a remote refused dropped, an endpoint that fails not
 * hammered.
 */
export class BearerAuthentication implements Authentication {
  readonly #fetch: () => Promise<Token>
  readonly #now: () => number
  readonly #refresh = singleFlight(() => this.#renew())
  #token: CachedToken | undefined
  #failure: { error: ResourceException; until: number; pause: number } | undefined

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
      // A token that still lives outlasts an endpoint that is down.
      if (token && token === this.#token && this.#now() < token.expiresAt) return token.credentials
      throw error
    })
  }

  refused(credentials: Credentials): boolean {
    if (this.#token?.credentials === credentials) this.#token = undefined
    return true
  }

  /** Goes on with the token of an authentication that this one replaces. */
  takeOver(previous: BearerAuthentication): void {
    this.#token = previous.#token
  }

  async #renew(): Promise<Credentials> {
    const failure = this.#failure
    const left = failure ? failure.until - this.#now() : 0
    if (failure && left > 0) throw untilThen(failure.error, left)
    try {
      const { value, life } = await this.#fetch()
      this.#failure = undefined
      const now = this.#now()
      const credentials = credentialsOf(`Bearer ${value}`)
      const refreshAt = now + life - Math.min(LONGEST_SKEW_MS, life / 2)
      this.#token = { credentials, refreshAt, expiresAt: now + life }
      return credentials
    } catch (error) {
      const pause = Math.min(failure ? failure.pause * 2 : FIRST_PAUSE_MS, LONGEST_PAUSE_MS)
      if (error instanceof ResourceException) {
        const told = Math.min(error.retryAfterMs ?? 0, MAX_TOLD_PAUSE_MS)
        this.#failure = { error, pause, until: this.#now() + Math.max(pause, told) }
      }
      throw error
    }
  }
}

/** Whoever asks later has to wait for less time. */
function untilThen(error: ResourceException, retryAfterMs: number): ResourceException {
  if (error.retryAfterMs === undefined) return error
  return new ResourceException(error.code, error.message, { retryAfterMs })
}
