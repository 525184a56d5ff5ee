import { isDeepStrictEqual } from 'node:util'
import { decrypt, encrypt, hash, isEncrypted, isHashed, type KeyRing } from '../../config/values/crypto/crypto.ts'
import type { Json, JsonObject } from '../../contract.ts'
import { badRequest, conflict, internalError, ResourceException } from '../../crest/errors.ts'
import { without } from './fields.ts'
import { isEmpty } from './policies.ts'
import type { ManagedType } from './type.ts'

/** The keys for values at rest. Both throw an Error with a sentence when the configured ones cannot be read. */
export interface ManagedKeys {
  current(): KeyRing | undefined
  /** Makes a first key where there is none. */
  ensure(): Promise<KeyRing>
}

/** An object as it shall become. */
export interface Draft {
  /** With the clear values of private properties that are set anew. */
  readonly object: JsonObject
  /** Private properties as they are stored. */
  readonly kept: JsonObject
}

/** Hashes and encrypts the private properties of one type, and opens them again. */
export class PrivateValues {
  readonly #type: ManagedType
  readonly #keys: ManagedKeys

  constructor(type: ManagedType, keys: ManagedKeys) {
    this.#type = type
    this.#keys = keys
  }

  /** What is stored: nothing of a private property that was emptied, and no clear text of one that is protected. */
  async seal({ object, kept }: Draft): Promise<JsonObject> {
    const { privates, hashed, encrypted } = this.#type
    const content = without(object, (name) => privates.has(name) && isEmpty(object[name] ?? null))
    const stored = { ...content, ...kept }
    for (const name of hashed) {
      const value = stored[name]
      if (typeof value === 'string') stored[name] = await hash(value, 'SCRYPT')
    }
    for (const name of encrypted) {
      const value = stored[name]
      // A caller's value is encrypted whatever it looks like; a stored one is clear when the schema became stricter.
      const isSealed = Object.hasOwn(kept, name) && (isEncrypted(value) || isHashed(value))
      if (value !== undefined && Object.hasOwn(stored, name) && !isSealed)
        stored[name] = await this.#encrypted(name, value)
    }
    return stored
  }

  /**
   * Takes the envelopes apart that a script or a mapping hands over, which may have read them here: one that is stored
   * already stays, and any other stands for the value in it.
   * @param id for messages
   * @throws badRequest for an envelope that cannot be opened
   */
  unwrap(id: string | null, object: JsonObject, stored: JsonObject): Draft {
    const { hashed, encrypted } = this.#type
    const [own, kept]: [JsonObject, JsonObject] = [{ ...object }, {}]
    for (const name of [...hashed, ...encrypted]) {
      const value = own[name]
      if (!isEncrypted(value) && !isHashed(value)) continue
      const stays = isDeepStrictEqual(value, stored[name]) || (hashed.has(name) && isHashed(value))
      if (!stays) own[name] = this.#open(id, name, value ?? null, badRequest)
      else {
        kept[name] = value ?? null
        delete own[name]
      }
    }
    return { object: own, kept }
  }

  /**
   * The clear value of a stored one.
   * @throws ResourceException that names the property when there is none
   */
  open(id: string, name: string, stored: Json): Json {
    if (isHashed(stored)) return this.#open(id, name, stored, conflict)
    return isEncrypted(stored) ? this.#open(id, name, stored, internalError) : stored
  }

  #open(id: string | null, name: string, envelope: Json, raise: (message: string) => ResourceException): Json {
    const where = `${this.#type.route}${id === null ? '' : `/${id}`}: "${name}"`
    if (isHashed(envelope)) throw raise(`${where} is a salted hash, which cannot be decrypted: set it anew`)
    try {
      const keys = this.#keys.current()
      if (keys) return decrypt(envelope, keys)
    } catch (error) {
      throw raise(`${where} ${(error as Error).message}`)
    }
    throw raise(`${where} is encrypted, and no key is configured`)
  }

  async #encrypted(name: string, value: Json): Promise<Json> {
    try {
      return encrypt(value, await this.#keys.ensure())
    } catch (error) {
      if (error instanceof ResourceException) throw error
      throw internalError(`${this.#type.route}: "${name}" cannot be encrypted: ${(error as Error).message}`)
    }
  }
}
