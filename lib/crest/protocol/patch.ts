import { isDeepStrictEqual } from 'node:util'
import type { Json, JsonObject } from '../../contract.ts'
import { MAX_PATCH_OPERATIONS } from '../../core/bounds.ts'
import { copyJson, isObject } from '../../core/json.ts'
import { addNumbers, isNumber, isWhole, type LongNumber, truncate } from '../../core/long-number.ts'
import { badRequest, notSupported } from '../errors.ts'
import { getAt, isPosition, type Pointer, parsePointer, printPointer } from '../pointer.ts'
import { PatchBudget } from './patch-budget.ts'
import type { PatchOperation } from './request.ts'
import { insertAt, removeAt, setAt } from './write-at.ts'

const OPERATIONS = ['add', 'remove', 'replace', 'increment', 'move', 'copy', 'transform'] as const

/**
 * Parses the body of a PATCH.
 * @throws badRequest with IDM's messages when it is not a list of operations
 */
export function parsePatch(body: Json): PatchOperation[] {
  if (!Array.isArray(body))
    throw badRequest(
      'The request could not be processed because the provided content is not a JSON array of patch operations',
    )
  if (body.length > MAX_PATCH_OPERATIONS)
    throw badRequest(`${INVALID}: it has ${body.length} operations, more than ${MAX_PATCH_OPERATIONS}`)
  return body.map(parseOperation)
}

/** The inverse of parsePatch: the body for a remote. */
export const printPatch = (operations: readonly PatchOperation[]): JsonObject[] =>
  operations.map(({ operation, field, value, from }) => ({
    operation,
    field: printPointer(field),
    ...(value === undefined ? {} : { value }),
    ...(from === undefined ? {} : { from: printPointer(from) }),
  }))

const INVALID = 'The request could not be processed because the provided content is not a valid JSON patch'

function parseOperation(item: Json): PatchOperation {
  if (!isObject(item)) throw badRequest(INVALID)
  const name = requiredText(item, 'operation')
  const operation = OPERATIONS.find((known) => known === name.toLowerCase())
  const field = parsePointer(requiredText(item, 'field'))
  if (!operation) throw badRequest(`${INVALID}: Invalid patch operation type ${name}`)
  const from = item.from === undefined || item.from === null ? undefined : parsePointer(requiredText(item, 'from'))
  const value = item.value ?? undefined
  checkParts({ operation, field, value, from })
  return { operation, field, ...(value === undefined ? {} : { value }), ...(from === undefined ? {} : { from }) }
}

function requiredText(item: JsonObject, name: string): string {
  const text = item[name] ?? null
  if (text === null) throw badRequest(`${INVALID}: Cannot instantiate PatchOperation with null '${name}' value`)
  if (typeof text !== 'string') throw badRequest(`${INVALID}: '${name}' is not a string`)
  return text
}

function checkParts({ operation, value, from }: PatchOperation): void {
  const takesFrom = operation === 'move' || operation === 'copy'
  if (takesFrom && (from === undefined || from.length === 0))
    throw badRequest(`${INVALID}: No from field provided for '${operation}' operation`)
  if (takesFrom && value !== undefined) throw badRequest(`${INVALID}: '${operation}' does not accept value field`)
  if (!takesFrom && operation !== 'remove' && value === undefined)
    throw badRequest(`${INVALID}: No value field provided for '${operation}' operation`)
  if (!takesFrom && from !== undefined) throw badRequest(`${INVALID}: '${operation}' does not accept from field`)
  if (operation === 'increment' && !isNumber(value))
    throw badRequest(`${INVALID}: Non-numeric value provided for increment operation`)
}

/** Whether the list at `field` is a set, in which no value occurs twice. */
export type IsSet = (field: Pointer) => boolean

/**
 * Applies the operations in their order by IDM's rules to a copy of `object`.
 * @throws badRequest for a position in a list (`/list/0`) or a field that does not fit, and see PatchBudget
 */
export function applyPatch(
  object: JsonObject,
  operations: readonly PatchOperation[],
  isSet: IsSet = () => false,
): JsonObject {
  const subject = copyJson(object)
  const budget = new PatchBudget(subject)
  for (const operation of operations) {
    budget.charge(subject, operation, isSet)
    refusePosition(subject, operation.field)
    if (operation.from) refusePosition(subject, operation.from)
    applyOperation(subject, operation, isSet)
  }
  budget.checkResult(subject)
  return subject
}

function refusePosition(subject: JsonObject, field: Pointer): void {
  const leaf = field.at(-1)
  if (leaf !== undefined && isPosition(leaf) && Array.isArray(getAt(subject, field.slice(0, -1))))
    throw badRequest(`Position-based operation is not allowed: ${printPointer(field)}`)
}

function applyOperation(subject: JsonObject, patch: PatchOperation, isSet: IsSet): void {
  const { operation, field, value = null, from = [] } = patch
  if (operation === 'add') add(subject, field, copyJson(value), isSet)
  else if (operation === 'replace') setAt(subject, field, copyJson(value))
  else if (operation === 'remove') remove(subject, field, value)
  else if (operation === 'increment') increment(subject, field, value)
  else if (operation === 'transform') throw notSupported('The patch operation transform is for configuration only')
  else transfer(subject, operation, field, from)
}

/**
 * A list is appended to an existing list, as PingIDM 8.1 documents; OpenIDM 7 replaces the list. At `/list/-` the value is
 * one element.
 */
function add(subject: JsonObject, field: Pointer, value: Json, isSet: IsSet): void {
  const isElement = field.at(-1) === '-'
  const place = isElement ? field.slice(0, -1) : field
  const list = getAt(subject, place)
  const added = isElement ? [value] : value
  if (!Array.isArray(list) || !Array.isArray(added)) setAt(subject, field, value)
  else for (const element of isSet(place) ? missingFrom(list, added) : added) list.push(element)
}

function missingFrom(list: readonly Json[], added: readonly Json[]): Json[] {
  const known = new Set(list.map(textOf))
  return added.filter((element) => known.size < known.add(textOf(element)).size)
}

/** A text that is equal for equal values, whatever the order of their members. */
const textOf = (value: Json): string =>
  JSON.stringify(value, (_name, part: Json) =>
    isObject(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  )

/** With a value: removes the field only if it is equal; from a list, all equal elements. */
function remove(subject: JsonObject, field: Pointer, value: Json): void {
  const current = getAt(subject, field) ?? null
  if (current === null) return
  if (value !== null && Array.isArray(current))
    current.splice(0, current.length, ...current.filter((element) => !isDeepStrictEqual(element, value)))
  else if (value === null || isDeepStrictEqual(current, value)) removeAt(subject, field)
}

function increment(subject: JsonObject, field: Pointer, value: Json): void {
  const current = getAt(subject, field)
  if (current === undefined) throw badRequest(`The field '${printPointer(field)}' does not exist`)
  const amount = isNumber(value) ? value : 0
  const sum = Array.isArray(current)
    ? current.map((element) => incremented(element, amount, field))
    : incremented(current, amount, field)
  setAt(subject, field, sum)
}

/** An integer remains an integer, as in IDM: the fraction of the amount is dropped. */
function incremented(current: Json, amount: number | LongNumber, field: Pointer): number | LongNumber {
  if (!isNumber(current)) throw badRequest(`The field '${printPointer(field)}' is not a number`)
  try {
    return addNumbers(current, isWhole(current) ? truncate(amount) : amount)
  } catch (error) {
    throw badRequest(`The field '${printPointer(field)}' cannot be incremented: ${(error as Error).message}`)
  }
}

/** Without effect when `from` is absent. The target must not exist: its value would be lost silently. */
function transfer(subject: JsonObject, operation: 'move' | 'copy', field: Pointer, from: Pointer): void {
  const value = getAt(subject, from) ?? null
  if (value === null) return
  if (operation === 'move') removeAt(subject, from)
  insertAt(subject, field, copyJson(value))
}
