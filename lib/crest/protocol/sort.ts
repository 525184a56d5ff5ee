import type { Json, JsonObject } from '../../contract.ts'
import { MAX_SORT_KEYS } from '../../core/bounds.ts'
import { badRequest } from '../errors.ts'
import { compareValues } from '../filter/compare.ts'
import { getAt, type Pointer, parsePointer } from '../pointer.ts'
import type { SortKey } from './request.ts'

/** Parses `_sortKeys`: `-age,+name/givenName,userName`; a key without sign is ascending. */
export function parseSortKeys(text: string | undefined): SortKey[] {
  const keys = (text ?? '').split(',').map((key) => key.trim())
  const named = keys.filter((key) => key !== '')
  if (named.length > MAX_SORT_KEYS) throw badRequest(`_sortKeys names more than ${MAX_SORT_KEYS} keys`)
  return named.map(parseSortKey)
}

function parseSortKey(text: string): SortKey {
  const field = parsePointer(/^[+-]/.test(text) ? text.slice(1) : text)
  if (field.length === 0) throw badRequest(`The sort key '${text}' names no field`)
  return { field, ascending: !text.startsWith('-') }
}

/** The value that an object is sorted by: the smallest element of a list; undefined for null. */
export function sortValue(object: JsonObject, field: Pointer): Json | undefined {
  const value = getAt(object, field) ?? undefined
  if (!Array.isArray(value)) return value
  return value.filter((element) => element !== null).sort(compareValues)[0]
}

/** Compares the sort values of two objects; absent values come last in either direction. */
export function compareSortValues(
  keys: readonly SortKey[],
  left: readonly (Json | undefined)[],
  right: readonly (Json | undefined)[],
): number {
  for (const [index, key] of keys.entries()) {
    const order = compareOptional(left[index], right[index], key.ascending)
    if (order !== 0) return order
  }
  return 0
}

function compareOptional(left: Json | undefined, right: Json | undefined, ascending: boolean): number {
  if (left === undefined || right === undefined) return Number(left === undefined) - Number(right === undefined)
  return ascending ? compareValues(left, right) : compareValues(right, left)
}

/** A comparator for objects that carry their `_id`. */
export const compareBy =
  (keys: readonly SortKey[]) =>
  (left: JsonObject, right: JsonObject): number => {
    const values = (object: JsonObject) => keys.map((key) => sortValue(object, key.field))
    return compareSortValues(keys, values(left), values(right))
  }
