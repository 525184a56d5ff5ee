import { isDeepStrictEqual } from 'node:util'
import { decrypt, encrypt, hash, isEncrypted, isHashed } from '../../config/values/crypto/crypto.ts'
import type { KeySource } from '../../config/values/crypto/key-wrapper.ts'
import type { Json, JsonObject } from '../../contract.ts'
import { badRequest, conflict, internalError, ResourceException } from '../../crest/errors.ts'
import { without } from './fields.ts'
import { isEmpty } from './policies.ts'
import type { ManagedType } from './type.ts'

export type ManagedKeys = KeySource

/** An object to be stored. */
export interface Draft {
  /** With new private values in clear text. */
  readonly object: JsonObject
  /** Unchanged private properties in stored form. */
  readonly kept: JsonObject
}

/** Hashes, encrypts and decrypts the private properties of one type. */
export class PrivateValues {
  readonly #type: ManagedType
  readonly #keys: ManagedKeys

  constructor(type: ManagedType, keys: ManagedKeys) {
    this.#type = type
    this.#keys = keys
  }

  /**
   * Returns the object in stored form: without emptied private properties, and with protected ones hashed or encrypted.
   */
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
      // Encrypts values of callers whatever their form. A stored value is clear if the schema did not require
      // encryption when it was written.
      const isSealed = Object.hasOwn(kept, name) && (isEncrypted(value) || isHashed(value))
      if (value !== undefined && Object.hasOwn(stored, name) && !isSealed)
        stored[name] = await this.#encrypted(name, value)
    }
    return stored
  }

  /**
   * Unwraps envelopes that scripts or mappings pass back: those equal to the stored value are kept, others are
   * decrypted.
   * @param id for messages
   * @throws badRequest for an envelope that cannot be decrypted
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
   * Returns the clear value of a stored one.
   * @throws ResourceException that names the property if there is none
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
