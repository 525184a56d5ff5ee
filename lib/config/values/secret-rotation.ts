import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { decrypt, type EnvelopePlace, encrypt, isBound, isEncrypted, type KeyRing, keyIdOf } from './crypto/crypto.ts'

export interface Rotation {
  readonly content: JsonObject
  /** Number of values that were encrypted again. */
  readonly count: number
}

/** Whether an envelope is encrypted again: it has another key than the first, or is not bound to its place. */
export type Stale = (envelope: Json, keys: KeyRing) => boolean

export const ofAnotherKey: Stale = (envelope, keys) => keyIdOf(envelope) !== keys.first?.id
export const unbound: Stale = (envelope, keys) => !isBound(envelope) || ofAnotherKey(envelope, keys)

/**
 * Encrypts every stale envelope again, with the first key, and binds it to its place if it has one. Returns the same
 * object when nothing is stale.
 * @throws Error when a value cannot be decrypted
 */
export function reencrypt(
  content: JsonObject,
  keys: KeyRing,
  placeOf?: (path: readonly string[]) => EnvelopePlace,
  isStale: Stale = ofAnotherKey,
): Rotation {
  let count = 0
  const visit = (value: Json, path: readonly string[]): Json => {
    if (Array.isArray(value)) return value.map((item, index) => visit(item, [...path, `${index}`]))
    if (!isObject(value)) return value
    if (isEncrypted(value)) {
      if (!isStale(value, keys)) return value
      count += 1
      return encrypt(decrypt(value, keys, placeOf?.(path)), keys, placeOf?.(path))
    }
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, visit(member, [...path, name])]))
  }
  const visited = visit(content, [])
  return { content: count > 0 && isObject(visited) ? visited : content, count }
}
