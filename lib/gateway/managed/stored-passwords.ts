import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { decrypt, isEncrypted, KeyRing } from '../../config/values/crypto/crypto.ts'
import type { Json, Logger } from '../../contract.ts'
import { LRUCache } from '../../core/lru-cache.ts'
import { ResourceException } from '../../crest/errors.ts'
import type { StoredObject } from '../../repo/objects/object-store.ts'
import { checkLogin, checkUnknown } from '../access/login-check.ts'
import type { ManagedKeys } from './private-values.ts'

/** Cache time of successful checks: they are slow by design, and clients may send the password with each request. */
const CACHE_MS = 60_000
const MAX_CACHED = 1000

/** Checks passwords against stored hashes or encrypted passwords. */
export class StoredPasswords {
  readonly #collection: string
  readonly #keys: ManagedKeys
  readonly #log: Logger
  readonly #remembered = new LRUCache<string, true>({ max: MAX_CACHED, ttl: CACHE_MS })
  readonly #key = randomBytes(32)

  /** @param collection such as `managed/user`, for the log */
  constructor(collection: string, keys: ManagedKeys, log: Logger) {
    this.#collection = collection
    this.#keys = keys
    this.#log = log
  }

  /**
   * Whether the password matches that of the user; undefined, without delay, for a user that has none. Successful
   * checks are cached by keyed digest until the user changes.
   * @throws ResourceException 429 when too many passwords are being checked
   */
  async isPasswordOf(user: StoredObject, password: string): Promise<boolean | undefined> {
    const stored = user.content.password
    if (stored === undefined) return undefined
    const known = this.#digest(user, password)
    if (this.#remembered.get(known)) return true
    const isRight = await this.#matches(password, stored, user.id)
    if (isRight) this.#remembered.set(known, true)
    return isRight
  }

  #digest({ id, revision }: StoredObject, password: string): string {
    return this.#keyed(JSON.stringify([id, revision, password])).toString('base64')
  }

  #keyed(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest()
  }

  async #matches(password: string, stored: Json, id: string): Promise<boolean> {
    try {
      if (isEncrypted(stored)) return await this.#matchesEncrypted(password, stored)
      return await checkLogin(password, stored)
    } catch (error) {
      if (error instanceof ResourceException) throw error
      this.#log.error({ err: error, user: id }, `the password of ${this.#collection}/${id} cannot be checked`)
      return false
    }
  }

  /** Takes as long as checking a hash: a fast response would reveal that the user exists. */
  async #matchesEncrypted(password: string, stored: Json): Promise<boolean> {
    await checkUnknown(password)
    const clear = decrypt(stored, this.#keys.current() ?? new KeyRing([]))
    return typeof clear === 'string' && timingSafeEqual(this.#keyed(clear), this.#keyed(password))
  }
}
