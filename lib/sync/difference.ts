import type { Json, JsonObject } from '../contract.ts'
import { isObject } from '../util/json.ts'

/** One field that differs. */
export interface Change {
  readonly field: string
  readonly from: Json
  readonly to: Json
}

/**
 * The fields in which `after` differs from `before`, down to members of objects. A member that is null counts as
 * absent: many a remote stores no nulls, and what it drops would be written again in every run.
 */
export function differences(before: JsonObject, after: JsonObject, path = ''): Change[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].flatMap((name) => {
    if (path === '' && (name === '_id' || name === '_rev')) return []
    const [from, to] = [before[name] ?? null, after[name] ?? null]
    const field = `${path}/${name}`
    if (isObject(from) && isObject(to)) return differences(from, to, field)
    return isSame(from, to) ? [] : [{ field, from, to }]
  })
}

/** Whether two values say the same. */
export function isSame(left: Json, right: Json): boolean {
  if (left === right) return true
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length && left.every((value, index) => isSame(value, right[index] ?? null))
  if (isObject(left) && isObject(right)) return differences(left, right, '/').length === 0
  // An object of nothing but nulls is as good as none.
  if (isObject(left) && right === null) return Object.values(left).every((value) => value === null)
  return isObject(right) && left === null && Object.values(right).every((value) => value === null)
}
