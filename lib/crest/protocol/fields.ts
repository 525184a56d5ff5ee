import type { Json, JsonObject } from '../../contract.ts'
import { MAX_FIELDS } from '../../core/bounds.ts'
import { isObject } from '../../core/json.ts'
import { badRequest } from '../errors.ts'
import { getAt, isPosition, type Pointer, parsePointer } from '../pointer.ts'
import { setAt } from './write-at.ts'

/** Parses `_fields`: `userName,preferences/updates`. Empty or absent = all default fields. */
export function parseFields(text: string | undefined): Pointer[] {
  const names = (text ?? '').split(',').map((name) => name.trim())
  const named = [...new Set(names)].filter((name) => name !== '')
  if (named.length > MAX_FIELDS) throw badRequest(`_fields names more than ${MAX_FIELDS} fields`)
  return named.map(parsePointer)
}

/**
 * The part of `object` with the given fields. No fields, `*` and `/` = the whole object; `*_ref` = all relationships in it;
 * `field/*` = all of `field`. A list is included as a whole for any of its elements. Absent fields are skipped.
 */
export function projectFields(object: JsonObject, fields: readonly Pointer[]): JsonObject {
  if (fields.length === 0 || fields.some(isWhole)) return object
  const projection: JsonObject = {}
  for (const field of present(object, fields).flatMap((field) => expand(object, field))) {
    const value = getAt(object, field)
    if (value !== undefined) setAt(projection, field, value)
  }
  return projection
}

/**
 * The fields that begin with a member of the object. Otherwise each object of a query would cost as much for names that it
 * does not have.
 */
function present(object: JsonObject, fields: readonly Pointer[]): readonly Pointer[] {
  const names = Object.keys(object)
  if (fields.length <= names.length) return fields
  const byName = groupOf(fields)
  return ['*_ref', ...names].flatMap((name) => byName.get(name) ?? [])
}

/** All objects of a query share one list of fields. */
const groups = new WeakMap<readonly Pointer[], ReadonlyMap<string, Pointer[]>>()

function groupOf(fields: readonly Pointer[]): ReadonlyMap<string, Pointer[]> {
  const known = groups.get(fields) ?? Map.groupBy(fields, ([name = '']) => name)
  groups.set(fields, known)
  return known
}

const isWhole = (field: Pointer): boolean => field.length === 0 || (field.length === 1 && field[0] === '*')

function expand(object: JsonObject, field: Pointer): Pointer[] {
  const named = field.at(-1) === '*' ? field.slice(0, -1) : field
  if (named[0] !== '*_ref') return [upToList(object, named)]
  const relationships = Object.keys(object).filter((name) => isRelationship(object[name]))
  return relationships.map((name) => [name])
}

/** A field up to the first list: an element cannot be included without those before it. */
function upToList(object: JsonObject, field: Pointer): Pointer {
  const end = field.findIndex((name, index) => isPosition(name) && Array.isArray(getAt(object, field.slice(0, index))))
  return end < 0 ? field : field.slice(0, end)
}

/** Whether a value is a relationship or a list of them, which have a `_ref`. */
function isRelationship(value: Json | undefined): boolean {
  const values = Array.isArray(value) ? value : [value]
  return values.length > 0 && values.every((item) => isObject(item) && typeof item._ref === 'string')
}
