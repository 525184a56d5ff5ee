import type { Json, JsonObject } from '../contract.ts'
import { type Pointer, printPointer } from '../crest/pointer.ts'
import { isObject } from '../util/json.ts'
import { isSame } from './difference.ts'

/** What makes `after` of `before`, as operations of a PATCH: the same fields that `differences` finds. */
export function patchOperations(before: JsonObject, after: JsonObject, place: Pointer = []): Json[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].flatMap((name): Json[] => {
    if (place.length === 0 && (name === '_id' || name === '_rev')) return []
    const [from, to] = [before[name] ?? null, after[name] ?? null]
    const pointer = [...place, name]
    if (isObject(from) && isObject(to)) return patchOperations(from, to, pointer)
    if (isSame(from, to)) return []
    const field = printPointer(pointer)
    return [to === null ? { operation: 'remove', field } : { operation: 'replace', field, value: to }]
  })
}
