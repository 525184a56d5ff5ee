import type { Json, JsonObject } from '../../contract.ts'
import { isObject, memberOf } from '../../core/json.ts'
import { compareNumbers, isNumber } from '../../core/long-number.ts'
import { isPosition, type Pointer, printPointer } from '../../crest/pointer.ts'
import type { FieldChange } from '../../repo/runs/run-row.ts'

/**
 * The fields in which `after` differs from `before`, down to members of objects, without `_id` and `_rev`. References,
 * encrypted values, and objects with members that a PATCH cannot name are compared and replaced as one value.
 */
export function differences(before: JsonObject, after: JsonObject, place: Pointer = []): FieldChange[] {
  const changes: FieldChange[] = []
  const compare = (name: string): void => {
    if (place.length === 0 && (name === '_id' || name === '_rev')) return
    const [from, to] = [memberOf(before, name) ?? null, memberOf(after, name) ?? null]
    if (from === to) return
    const pointer = [...place, name]
    if (isObject(from) && isObject(to) && isDivisible(from) && isDivisible(to))
      return void changes.push(...differences(from, to, pointer))
    if (!isSame(from, to)) changes.push({ field: printPointer(pointer), from, to })
  }
  for (const name in before) compare(name)
  for (const name in after) if (!Object.hasOwn(before, name)) compare(name)
  return changes
}

/**
 * Whether a value of a target need not be changed. Absent, null, an empty list, and an object of such values are equal:
 * remotes store no nulls, and show an empty relationship in different ways. For a reference only the members of `wanted`
 * count, since remotes add their own; what identifies its edge never counts.
 */
export function isSame(found: Json, wanted: Json): boolean {
  if (found === wanted) return true
  if (isNumber(found) && isNumber(wanted)) return compareNumbers(found, wanted) === 0
  if (isEmpty(found) || isEmpty(wanted)) return isEmpty(found) && isEmpty(wanted)
  if (Array.isArray(found) && Array.isArray(wanted)) return isSameList(found, wanted)
  if (!isObject(found) || !isObject(wanted)) return false
  if (isReference(wanted)) return holdsMembers(found, wanted)
  return differences(found, wanted, ['']).length === 0
}

/** Relationships have no order. */
function isSameList(found: readonly Json[], wanted: readonly Json[]): boolean {
  if (found.length !== wanted.length) return false
  if (!wanted.every(isReference)) return wanted.every((value, index) => isSame(found[index] ?? null, value))
  const open = [...found]
  return wanted.every((value) => {
    const place = open.findIndex((other) => isSame(other, value))
    if (place >= 0) open.splice(place, 1)
    return place >= 0
  })
}

const holdsMembers = (found: JsonObject, wanted: JsonObject): boolean =>
  Object.keys(wanted).every((name) => {
    if (isOfEdge(name)) return true
    const [own, other] = [memberOf(found, name) ?? null, memberOf(wanted, name) ?? null]
    return isObject(own) && isObject(other) ? holdsMembers(own, other) : isSame(own, other)
  })

/** Each side assigns its own ids and revisions to edges, and derives the rest from `_ref`. */
export const isOfEdge = (name: string): boolean => name === '_id' || name === '_rev' || name.startsWith('_refResource')

export function isEmpty(value: Json): boolean {
  if (value === null) return true
  if (Array.isArray(value)) return value.length === 0
  return isObject(value) && Object.values(value).every(isEmpty)
}

/**
 * Whether carrying a change out writes something: one that is left to the opposite mapping does not, and one of a
 * relationship may only note what is to be known about it.
 */
export const hasEffect = ({ from, to, edges, kept }: FieldChange): boolean =>
  !kept && (!edges || !isEmpty(from) || !isEmpty(to))

/** `{"_ref": …}`, the edge of a relationship. */
export const isReference = (value: Json): boolean => isObject(value) && '_ref' in value

/** A PATCH treats a number or `-` as a position in a list, and cannot name a member with an empty name. */
export const isDivisible = (value: JsonObject): boolean =>
  Object.keys(value).every(
    (name) => name !== '_ref' && name !== '$crypto' && name !== '' && name !== '-' && !isPosition(name),
  )

/**
 * Changes as PATCH operations: `replace` with the complete value, or `remove`. Never `add` of a list, which some remotes
 * append and others assign, and never a position in a list. An emptied relationship is replaced with an empty list, since
 * OpenIDM refuses to remove it without naming its edges.
 */
export const patchOperations = (changes: readonly FieldChange[]): Json[] =>
  changes.map(({ field, from, to }): Json => {
    const isEmptied = Array.isArray(from) && from.some(isReference) && isEmpty(to)
    if (to === null && !isEmptied) return { operation: 'remove', field }
    return { operation: 'replace', field, value: isEmptied ? [] : to }
  })
