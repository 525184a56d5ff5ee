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
/** Cache time of refused tokens. */
const REFUSAL_MS = 30_000
const RETRY_AFTER_MS = 2000

export interface RsFilterOptions {
  readonly properties: RsFilterProperties
  readonly introspect: (token: string) => Promise<Introspection>
  readonly findUser: FindUser
}

/** Authenticates bearer tokens. Recreated when its properties change, which also clears its cache. */
export class RsFilter {
  readonly #options: RsFilterOptions
  /** Separate caches, so that invalid tokens cannot evict valid ones. Keys are hashes of tokens. */
  readonly #good = new LRUCache<string, Introspection>({ max: MAX_TOKENS })
  readonly #refused = new LRUCache<string, Introspection>({ max: MAX_REFUSALS })
  readonly #flights = new Map<string, () => Promise<Introspection>>()

  constructor(options: RsFilterOptions) {
    this.#options = options
  }

  /**
   * Returns the identity of a token.
   * @throws ResourceException 401 for an expired, inactive or unknown token; 403 without a required scope or a user
   * mapping; 429 when too many introspections are pending; 503 when the token server does not respond
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

  /** The identity of callers without credentials; undefined without `anonymousUserMapping`. */
  anonymous(): Identity | undefined {
    const mapping = this.#options.properties.anonymousUserMapping
    return mapping && localIdentity(mapping)
  }

  async #ask(token: string): Promise<Introspection> {
    const key = hash('sha256', token, 'base64')
    const known = this.#good.get(key) ?? this.#refused.get(key)
    if (known) return known
    if (!this.#flights.has(key) && this.#flights.size >= MAX_PENDING_INTROSPECTIONS)
      throw tooManyRequests(`${MAX_PENDING_INTROSPECTIONS} token introspections are pending`, RETRY_AFTER_MS)
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
    // In the cache, a ttl of 0 means no expiry.
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
