import type { Json, JsonObject } from '../../../lib/contract.ts'
import { badRequest, internalError } from '../../../lib/crest/errors.ts'
import { getAt, isPosition, type Pointer, parsePointer } from '../../../lib/crest/pointer.ts'
import { removeAt, setAt } from '../../../lib/crest/protocol/write-at.ts'
import { copyExact, isMap, isSame, numberOf } from './exact-json.ts'
import { asNewReference } from './relationships.ts'

export interface Operation {
  readonly operation: string
  readonly field: Pointer
  readonly value: Json | undefined
  readonly from: Pointer
}

export interface PatchRules {
  /** How `add` of a list to a list works: OpenIDM 7.0.1 replaces, PingIDM 8.1 appends. */
  readonly addOfList: 'replaces' | 'appends'
  /** The relationship fields; true for a list. */
  readonly relationships: ReadonlyMap<string, boolean>
}

const KNOWN = ['add', 'remove', 'replace', 'increment', 'copy', 'move', 'transform']
const INVALID = 'The request could not be processed because the provided content is not a valid JSON patch'

/** @throws badRequest before anything is applied */
export function readOperations(body: Json | undefined): Operation[] {
  if (!Array.isArray(body)) throw badRequest(`${INVALID}: not a JSON array`)
  return body.map((item) => {
    if (!isMap(item) || typeof item.operation !== 'string' || typeof item.field !== 'string') throw badRequest(INVALID)
    const { operation } = item
    const value = item.value ?? undefined
    const takesValue = ['add', 'replace', 'increment'].includes(operation)
    if (!KNOWN.includes(operation)) throw badRequest(`${INVALID}: Invalid patch operation type ${operation}`)
    if (takesValue && value === undefined)
      throw badRequest(`${INVALID}: No value field provided for '${operation}' operation`)
    return { operation, field: parsePointer(item.field), value, from: parsePointer(String(item.from ?? '')) }
  })
}

/**
 * Applies the operations to `draft` in place; the draft includes the relationship fields that they name.
 * @throws badRequest; discard the draft then
 */
export function applyOperations(draft: JsonObject, operations: readonly Operation[], rules: PatchRules): void {
  for (const operation of operations) {
    const [name = ''] = operation.field
    refusePosition(draft, operation.field)
    if (rules.relationships.has(name) && operation.field.length <= 2) applyToReferences(draft, name, operation, rules)
    else apply(draft, operation, rules)
  }
}

function refusePosition(draft: JsonObject, field: Pointer): void {
  const leaf = field.at(-1) ?? ''
  if (isPosition(leaf) && Array.isArray(getAt(draft, field.slice(0, -1))))
    throw badRequest('Position-based operation is not allowed')
}

function apply(draft: JsonObject, { operation, field, value, from }: Operation, rules: PatchRules): void {
  const given = value === undefined ? null : copyExact(value)
  if (operation === 'transform') throw internalError('transform is not supported')
  if (operation === 'remove') remove(draft, field, value)
  else if (operation === 'increment') increment(draft, field, given)
  else if (operation === 'add') setAt(draft, field, added(getAt(draft, field), given, rules))
  else if (operation === 'replace') setAt(draft, field, given)
  else {
    const moved = getAt(draft, from)
    if (moved === undefined) return
    if (operation === 'move') removeAt(draft, from)
    setAt(draft, field, copyExact(moved))
  }
}

function added(current: Json | undefined, given: Json, { addOfList }: PatchRules): Json {
  if (addOfList === 'replaces' || !Array.isArray(current) || !Array.isArray(given)) return given
  return [...current, ...given.filter((element) => !current.some((present) => isSame(present, element)))]
}

/** With a value, removes only what equals it: the field, or every such element of a list. */
function remove(draft: JsonObject, field: Pointer, value: Json | undefined): void {
  const current = getAt(draft, field)
  if (value !== undefined && Array.isArray(current)) {
    const left = current.filter((element) => !isSame(element, value))
    setAt(draft, field, left)
  } else if (current !== undefined && (value === undefined || isSame(current, value))) removeAt(draft, field)
}

function increment(draft: JsonObject, field: Pointer, value: Json): void {
  const [current, amount] = [numberOf(getAt(draft, field)), numberOf(value)]
  if (current === undefined || amount === undefined) throw badRequest('increment needs a number at both sides')
  setAt(draft, field, current + amount)
}

/** Only the whole edge, as read, removes it; every added value becomes a new edge. */
function applyToReferences(draft: JsonObject, name: string, operation: Operation, rules: PatchRules): void {
  const { operation: kind, field, value } = operation
  const isList = rules.relationships.get(name)
  if (kind === 'remove') {
    if (isList && value === undefined) throw badRequest('Cannot delete collection')
    remove(draft, [name], value)
    return
  }
  if (kind !== 'add' && kind !== 'replace') throw badRequest(`${kind} is not allowed on relationship field '${name}'`)
  const given = Array.isArray(value) ? value.map(asNewReference) : asNewReference(value ?? null)
  const current = Array.isArray(draft[name]) ? draft[name] : []
  if (field[1] === '-') draft[name] = [...current, given]
  else if (kind === 'add' && rules.addOfList === 'appends' && Array.isArray(given))
    draft[name] = [...current, ...given.filter((element) => !holds(current, element))]
  else draft[name] = given
}

const holds = (references: readonly Json[], wanted: Json): boolean =>
  references.some((reference) => isMap(reference) && isMap(wanted) && reference._ref === wanted._ref)
