import type { Json, JsonObject } from '../contract.ts'
import { isObject } from '../util/json.ts'
import { decrypt, encrypt, isEncrypted, type KeyRing, keyIdOf } from './crypto.ts'

export interface Rotation {
  readonly content: JsonObject
  /** How many values were encrypted anew. */
  readonly count: number
}

/**
 * The content with everything that another key than the first has encrypted, encrypted with the first; the very content
 * where there is nothing to do.
 * @throws Error with a sentence when a value cannot be decrypted
 */
export function reencrypt(content: JsonObject, keys: KeyRing): Rotation {
  let count = 0
  const visit = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(visit)
    if (!isObject(value)) return value
    if (isEncrypted(value)) {
      if (keyIdOf(value) === keys.first?.id) return value
      count += 1
      return encrypt(decrypt(value, keys), keys)
    }
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, visit(member)]))
  }
  const visited = visit(content)
  return { content: count > 0 && isObject(visited) ? visited : content, count }
}
