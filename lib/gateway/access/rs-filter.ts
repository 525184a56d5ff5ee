import { hash } from 'node:crypto'
import { MAX_PENDING_INTROSPECTIONS } from '../../core/bounds.ts'
import { LRUCache } from '../../core/lru-cache.ts'
import { singleFlight } from '../../core/single-flight.ts'
import { forbidden, tooManyRequests, unauthorized } from '../../crest/errors.ts'
import type { Introspection } from './introspection.ts'
import { type Identity, identity } from './password-store.ts'
import type { RsFilterProperties } from './rs-filter-properties.ts'
import { type FindUser, storedUser } from './stored-user.ts'
import { subjectsOf } from './token-subject.ts'

const MAX_TOKENS = 10_000
const MAX_REFUSALS = 1000
/** A refused token is asked about again after this time. */
const REFUSAL_MS = 30_000
const RETRY_AFTER_MS = 2000

export interface RsFilterOptions {
  readonly properties: RsFilterProperties
  readonly introspect: (token: string) => Promise<Introspection>
  readonly findUser: FindUser
}

/** Judges bearer tokens. Made anew for each change of its properties, so what it remembers ends with them. */
export class RsFilter {
  readonly #options: RsFilterOptions
  /** Apart, so that a flood of worthless tokens cannot push out the good ones. Keys are hashes, never tokens. */
  readonly #good = new LRUCache<string, Introspection>({ max: MAX_TOKENS })
  readonly #refused = new LRUCache<string, Introspection>({ max: MAX_REFUSALS })
  readonly #flights = new Map<string, () => Promise<Introspection>>()

  constructor(options: RsFilterOptions) {
    this.#options = options
  }

  /**
   * The identity behind a token.
   * @throws ResourceException 401 for a token that is expired, inactive or unknown; 403 for one without a needed scope
   *   or without a mapping; 503 when the token server does not answer, 429 when it is asked about
   *   too many
   */
  async authenticate(token: string): Promise<Identity> {
    const introspection = await this.#ask(token)
    if (!introspection.active || secondsLeft(introspection) <= 0) throw unauthorized('Access Denied')
    const { scopes, staticUserMapping, subjectMapping } = this.#options.properties
    const missing = scopes.filter((scope) => !introspection.scopes.has(scope))
    if (missing.length > 0) throw forbidden('Access denied: the token lacks a scope', { detail: { scopes: missing } })
    const subjects = subjectsOf(introspection)
    const mapping = staticUserMapping.find(({ subject }) => subjects.includes(subject))
    if (mapping) return localIdentity(mapping)
    const user = await storedUser(subjectMapping, introspection, this.#options.findUser)
    if (user) return user
    throw forbidden('Access denied: no user mapping fits the subject of the token')
  }

  /** Who a caller without any credentials is; undefined when there is no such mapping. */
  anonymous(): Identity | undefined {
    const mapping = this.#options.properties.anonymousUserMapping
    return mapping && localIdentity(mapping)
  }

  async #ask(token: string): Promise<Introspection> {
    const key = hash('sha256', token, 'base64')
    const known = this.#good.get(key) ?? this.#refused.get(key)
    if (known) return known
    if (!this.#flights.has(key) && this.#flights.size >= MAX_PENDING_INTROSPECTIONS)
      throw tooManyRequests(
        `The token server is asked about ${MAX_PENDING_INTROSPECTIONS} other tokens`,
        RETRY_AFTER_MS,
      )
    const flight = this.#flights.get(key) ?? singleFlight(() => this.#options.introspect(token))
    this.#flights.set(key, flight)
    try {
      const introspection = await flight()
      this.#remember(key, introspection)
      return introspection
    } finally {
      this.#flights.delete(key)
    }
  }

  #remember(key: string, introspection: Introspection): void {
    const { maxTimeout } = this.#options.properties.cache
    const { active } = introspection
    const ttl = Math.min(maxTimeout, active ? secondsLeft(introspection) * 1000 : REFUSAL_MS)
    // For the cache a ttl of 0 means that an entry never expires.
    if (ttl <= 0) return
    const cache = active ? this.#good : this.#refused
    cache.set(key, introspection, Number.isFinite(ttl) ? { ttl } : {})
  }
}

function secondsLeft(introspection: Introspection): number {
  if (!introspection.active) return 0
  const { expiresAt } = introspection
  return expiresAt === undefined ? Number.POSITIVE_INFINITY : expiresAt - Date.now() / 1000
}

function localIdentity({ localUser, roles }: { localUser: string; roles: readonly string[] }): Identity {
  const [component, id] = [
    localUser.slice(0, localUser.lastIndexOf('/')),
    localUser.slice(localUser.lastIndexOf('/') + 1),
  ]
  return identity({ authenticationId: id, id, component, roles })
}
