import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { decrypt, hash, isEncrypted, KeyRing, matches } from '../../config/crypto.ts'
import type { Json, Logger } from '../../contract.ts'
import type { StoredObject } from '../../repo/object-row.ts'
import { ExpiringCache } from '../identity/expiring-cache.ts'
import type { ManagedKeys } from './private-values.ts'

/** Checking a password is slow on purpose; of a client that sends it with each request it is checked once a minute. */
const REMEMBERED_MS = 60_000
const REMEMBERED = 1000

/** Compares passwords with what stored objects hold: a hash, or an encrypted password. */
export class StoredPasswords {
  readonly #collection: string
  readonly #keys: ManagedKeys
  readonly #log: Logger
  readonly #remembered = new ExpiringCache<true>(REMEMBERED)
  readonly #key = randomBytes(32)
  /** Takes the place of a password where there is none. */
  readonly #nobody = hash(randomBytes(16).toString('hex'), 'SCRYPT')

  /** @param collection such as `managed/user`, for the log */
  constructor(collection: string, keys: ManagedKeys, log: Logger) {
    this.#collection = collection
    this.#keys = keys
    this.#log = log
  }

  /**
   * Takes the same time for a user that is unknown or has no password as for a wrong password. What was found right is
   * known again by a keyed digest, until the user changes in any way.
   */
  async isPasswordOf(user: StoredObject | undefined, password: string): Promise<boolean> {
    const stored = user?.content.password
    const known = user && this.#digest(user, password)
    if (known !== undefined && this.#remembered.get(known)) return true
    const isRight = await this.#matches(password, stored ?? (await this.#nobody), user?.id)
    if (isRight && known !== undefined) this.#remembered.set(known, true, REMEMBERED_MS)
    return isRight && stored !== undefined
  }

  #digest({ id, revision }: StoredObject, password: string): string {
    return this.#keyed(JSON.stringify([id, revision, password])).toString('base64')
  }

  #keyed(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest()
  }

  async #matches(password: string, stored: Json, id: string | undefined): Promise<boolean> {
    try {
      if (isEncrypted(stored)) return await this.#matchesEncrypted(password, stored)
      return await matches(password, stored)
    } catch (error) {
      this.#log.error({ err: error, user: id }, `the password of ${this.#collection}/${id} cannot be checked`)
      return false
    }
  }

  /** With the time that a hash takes: else the fast answer tells that the user exists. */
  async #matchesEncrypted(password: string, stored: Json): Promise<boolean> {
    await matches(password, await this.#nobody)
    const clear = decrypt(stored, this.#keys.current() ?? new KeyRing([]))
    return typeof clear === 'string' && timingSafeEqual(this.#keyed(clear), this.#keyed(password))
  }
}
