import type { Json, JsonObject } from '../../contract.ts'
import {
  MAX_NESTING,
  MAX_PATCH_COMPARISONS,
  MAX_PATCH_COPIED,
  MAX_PATCH_COPIED_VALUES,
  MAX_PATCHED_LENGTH,
} from '../../core/bounds.ts'
import { isLongNumber } from '../../core/long-number.ts'
import { badRequest, payloadTooLarge } from '../errors.ts'
import { getAt, type Pointer } from '../pointer.ts'
import type { IsSet } from './patch.ts'
import type { PatchOperation } from './request.ts'

/** The cost of comparing an object, relative to a string or number. */
const OBJECT_WEIGHT = 10

/**
 * Limits the cost of the operations of one PATCH. Each is charged before it is applied: a few copies of a value into itself
 * would exhaust the memory. The values in a request are limited with its body.
 */
export class PatchBudget {
  readonly #before: number
  #copied = 0
  #copiedValues = 0
  #compared = 0

  constructor(object: JsonObject) {
    this.#before = measure(object, Number.POSITIVE_INFINITY).length
  }

  /** @throws ResourceException 413 when the result, or 400 when the work, would exceed its limit */
  charge(subject: JsonObject, { operation, field, from, value }: PatchOperation, isSet: IsSet): void {
    if (operation === 'copy' || operation === 'move') this.#write(field, getAt(subject, from ?? []) ?? null, true)
    else if (operation === 'add' || operation === 'replace') this.#write(field, value ?? null, false)
    else this.#compare(getAt(subject, field), value)
    // An element that is added to a set is compared with all others.
    const list = field.at(-1) === '-' ? field.slice(0, -1) : field
    if (operation === 'add' && isSet(list)) this.#compare(getAt(subject, list), {})
  }

  /** @throws ResourceException 413 when the object has grown beyond its limit */
  checkResult(result: JsonObject): void {
    const max = Math.max(this.#before, MAX_PATCHED_LENGTH)
    if (measure(result, max).length > max)
      throw payloadTooLarge(`The patched object would have more than ${MAX_PATCHED_LENGTH} characters`)
  }

  #write(field: Pointer, value: Json, isCopy: boolean): void {
    const size = measure(value, isCopy ? MAX_PATCH_COPIED : Number.POSITIVE_INFINITY)
    if (field.length + size.depth > MAX_NESTING)
      throw badRequest(`The patched object would be nested more than ${MAX_NESTING} levels deep`)
    if (!isCopy) return
    this.#copied += size.length
    if (this.#copied > MAX_PATCH_COPIED)
      throw payloadTooLarge(`The operations copy and move write more than ${MAX_PATCH_COPIED} characters`)
    this.#copiedValues += size.values
    if (this.#copiedValues > MAX_PATCH_COPIED_VALUES)
      throw payloadTooLarge(`The operations copy and move write more than ${MAX_PATCH_COPIED_VALUES} values`)
  }

  #compare(list: Json | undefined, value: Json | undefined): void {
    if (!Array.isArray(list)) return
    this.#compared += list.length * (typeof value === 'object' ? OBJECT_WEIGHT : 1)
    if (this.#compared > MAX_PATCH_COMPARISONS)
      throw badRequest(`The operations of this PATCH compare more than ${MAX_PATCH_COMPARISONS} list elements`)
  }
}

interface Size {
  /** Characters of JSON, without escapes. */
  readonly length: number
  /** Levels of lists and objects; 0 for a string or number. */
  readonly depth: number
  /** This value and all values in it. */
  readonly values: number
}

/** Stops when the length exceeds `max`. */
function measure(value: Json, max: number): Size {
  if (typeof value === 'string') return { length: value.length + 2, depth: 0, values: 1 }
  if (isLongNumber(value)) return { length: value.rawJSON.length, depth: 0, values: 1 }
  if (typeof value !== 'object' || value === null) return { length: String(value).length, depth: 0, values: 1 }
  let length = 2
  let depth = 0
  let values = 1
  for (const name in value) {
    const member = measure((value as JsonObject)[name] ?? null, max - length)
    length += member.length + (Array.isArray(value) ? 1 : name.length + 4)
    depth = Math.max(depth, member.depth)
    values += member.values
    if (length > max) break
  }
  return { length, depth: depth + 1, values }
}
