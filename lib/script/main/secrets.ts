import { decrypt, encrypt, hash, isEncrypted, isHashed, KeyRing, matches } from '../../config/values/crypto/crypto.ts'
import { HASH_ALGORITHMS } from '../../config/values/crypto/salted-hash.ts'
import type { Json } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { badRequest } from '../../crest/errors.ts'

/** The implementation of `openidm.encrypt` etc. Each throws an Error with a message for users, without values. */
export interface ScriptSecrets {
  encrypt(value: Json, cipher: Json, alias: Json): Json | Promise<Json>
  /** A copy with every encrypted part decrypted. */
  decrypt(value: Json): Json | Promise<Json>
  hash(value: Json, algorithm: Json, options: Json): Json | Promise<Json>
  matches(text: Json, hashed: Json): boolean | Promise<boolean>
}

/** Secrets with the current keys of the configuration. @param keys returns undefined when none are configured */
export const secretsOf = (keys: () => KeyRing | undefined): ScriptSecrets => ({
  encrypt: (value, cipher, alias) => {
    if (cipher !== null && !/^AES\//i.test(String(cipher)))
      throw badRequest('openidm.encrypt: the cipher must be one of AES, or null')
    return encrypt(value, ringFor(required(keys()), alias))
  },
  decrypt: (value) => {
    if (typeof value === 'string') throw badRequest('openidm.decrypt: a string cannot be decrypted')
    // Otherwise the hash would be passed on like a decrypted value, and become the password at the target.
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

/** An unknown name stands for the first key, since IDM's names of purposes have no meaning here. */
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
