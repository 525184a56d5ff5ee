import { createHash } from 'node:crypto'
import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { isEmpty, isReference } from '../evaluate/difference.ts'

const DIGEST_LENGTH = 12

/** Digests of the fields of an object that have a value, by name. Whether two differ follows the rules of `isSame`. */
export function fieldDigests(object: JsonObject, names: readonly string[]): Record<string, string> {
  const shown = names.filter((name) => name !== '_id' && name !== '_rev' && !isEmpty(object[name] ?? null))
  return Object.fromEntries(shown.map((name) => [name, digest(object[name] ?? null)]))
}

/** The fields that differ from their digests. */
export const changedFields = (object: JsonObject, digests: Readonly<Record<string, string>>): string[] => {
  const now = fieldDigests(object, Object.keys(digests))
  return Object.keys(digests).filter((name) => now[name] !== digests[name])
}

const digest = (value: Json): string =>
  createHash('sha256')
    .update(JSON.stringify(canonical(value)))
    .digest('base64url')
    .slice(0, DIGEST_LENGTH)

/** Without empty members, members in order; of references only where they lead, and without order. */
function canonical(value: Json): Json {
  if (Array.isArray(value)) {
    const list = value.map(canonical)
    return value.every(isReference) ? list.map(String).sort() : list
  }
  if (!isObject(value)) return value
  if (isReference(value)) return String(value._ref)
  return Object.entries(value)
    .filter(([, member]) => !isEmpty(member))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, member]) => [name, canonical(member)])
}
