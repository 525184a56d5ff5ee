import { decrypt, encrypt, hash, isEncrypted, isHashed, KeyRing, matches } from '../../config/values/crypto/crypto.ts'
import { HASH_ALGORITHMS } from '../../config/values/crypto/salted-hash.ts'
import type { Json } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { badRequest } from '../../crest/errors.ts'

/** What stands behind `openidm.encrypt` and its like. Each throws an Error with a sentence that shows no value. */
export interface ScriptSecrets {
  encrypt(value: Json, cipher: Json, alias: Json): Json | Promise<Json>
  /** A copy in which every encrypted part is in clear. */
  decrypt(value: Json): Json | Promise<Json>
  hash(value: Json, algorithm: Json, options: Json): Json | Promise<Json>
  matches(text: Json, hashed: Json): boolean | Promise<boolean>
}

/** Secrets with the keys of part 4, as they are now; undefined when none are configured. */
export const secretsOf = (keys: () => KeyRing | undefined): ScriptSecrets => ({
  encrypt: (value, cipher, alias) => {
    if (cipher !== null && !/^AES\//i.test(String(cipher)))
      throw badRequest('openidm.encrypt: the cipher must be one of AES, or null')
    return encrypt(value, ringFor(required(keys()), alias))
  },
  decrypt: (value) => {
    if (typeof value === 'string') throw badRequest('openidm.decrypt: a text cannot be decrypted')
    // Passed on as if it were the clear value, it would become a password at the target.
    if (isHashed(value)) throw badRequest('openidm.decrypt: the value is a salted hash, which cannot be decrypted')
    return decryptAll(value, keys)
  },
  hash: async (value, algorithm, options) => {
    const name = HASH_ALGORITHMS.find((known) => known === (algorithm ?? 'SHA-256'))
    if (!name) throw badRequest(`openidm.hash: the algorithm must be null or one of ${HASH_ALGORITHMS.join(', ')}`)
    return hash(textOf(value), name, isObject(options) ? options : {})
  },
  matches: (text, hashed) => matches(textOf(text), hashed),
})

function required(keys: KeyRing | undefined): KeyRing {
  if (keys) return keys
  throw badRequest('No key for values at rest is configured')
}

/** A name that is none of our keys stands for the first one: IDM's names of purposes mean nothing here. */
function ringFor(keys: KeyRing, alias: Json): KeyRing {
  return typeof alias === 'string' && keys.ids.includes(alias)
    ? new KeyRing([{ id: alias, key: keys.find(alias) }])
    : keys
}

function decryptAll(value: Json, keys: () => KeyRing | undefined): Json {
  if (isEncrypted(value)) return decrypt(value, required(keys()))
  if (Array.isArray(value)) return value.map((item) => decryptAll(item, keys))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, decryptAll(member, keys)]))
}

const textOf = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value))
