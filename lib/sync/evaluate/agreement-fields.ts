import { createHmac } from 'node:crypto'
import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { isNumber } from '../../core/long-number.ts'
import { getAt, type Pointer, printPointer } from '../../crest/pointer.ts'
import { orderKey } from '../../repo/objects/order-key.ts'
import { isDivisible, isEmpty, isOfEdge, isReference } from './difference.ts'

/** Fields and their values, down to members of objects. */
export type Leaves = ReadonlyMap<string, Json>

/** Digests of a value that is empty need no key. */
export const NOTHING = '-'
/** 96 bits. */
const DIGEST_LENGTH = 16

/** Keyed digests: two values have the same where `isSame` calls them the same. */
export class ValueDigests {
  readonly #key: Uint8Array

  constructor(key: Uint8Array) {
    this.#key = key
  }

  of(value: Json | undefined): string {
    if (value === undefined || isEmpty(value)) return NOTHING
    return createHmac('sha256', this.#key).update(canonical(value)).digest('base64').slice(0, DIGEST_LENGTH)
  }
}

/**
 * The values in `object` at a field, each with its place. Objects are taken apart as `differences` takes them apart; a
 * field without a value is one empty leaf.
 */
export function leavesAt(object: JsonObject, field: Pointer): Leaves {
  return leavesOf(getAt(object, field) ?? null, field)
}

export function leavesOf(value: Json, place: Pointer): Leaves {
  const leaves = new Map<string, Json>()
  collect(value, place, leaves)
  if (leaves.size === 0) leaves.set(printPointer(place), null)
  return leaves
}

function collect(value: Json, place: Pointer, leaves: Map<string, Json>): void {
  if (isEmpty(value)) return
  if (!isObject(value) || !isDivisible(value)) return void leaves.set(printPointer(place), value)
  for (const [name, member] of Object.entries(value)) collect(member, [...place, name], leaves)
}

/** Whether a field is another one, or within it. Both as `printPointer` writes them. */
export const isWithin = (field: string, outer: string): boolean => field === outer || field.startsWith(`${outer}/`)

/** One text for all values that are the same. */
function canonical(value: Json): string {
  if (isNumber(value)) return typeof value === 'number' ? String(value) : `n${orderKey(value)}`
  if (Array.isArray(value)) {
    const items = value.map((item) => (isEmpty(item) ? 'null' : canonical(item)))
    // Relationships have no order.
    return `[${(value.every(isReference) ? items.sort() : items).join()}]`
  }
  if (!isObject(value)) return JSON.stringify(value)
  const isEdge = isReference(value)
  const members = Object.entries(value).filter(([name, member]) => !isEmpty(member) && !(isEdge && isOfEdge(name)))
  return `{${members
    .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`)
    .sort()
    .join()}}`
}
