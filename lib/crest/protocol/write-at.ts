import type { Json, JsonObject } from '../../contract.ts'
import { isObject, memberOf, setMember } from '../../core/json.ts'
import { badRequest } from '../errors.ts'
import { isPosition, type Pointer, printPointer } from '../pointer.ts'

/**
 * Sets the value at `pointer` in `root`. Missing parents are created: a list where `-` follows, else an object. `-` after a
 * list appends to it.
 * @throws badRequest where a parent is not an object or list, or a list position is out of range
 */
export function setAt(root: JsonObject, pointer: Pointer, value: Json): void {
  const { parent, name } = parentOf(root, pointer, createMember)
  if (Array.isArray(parent)) setElement(parent, name, value, pointer)
  else if (isObject(parent)) setMember(parent, name, value)
  else throw noParent(pointer)
}

/** Inserts a value where none exists. The parent must exist; elements of a list are shifted. */
export function insertAt(root: JsonObject, pointer: Pointer, value: Json): void {
  const { parent, name } = parentOf(root, pointer)
  if (Array.isArray(parent)) parent.splice(elementIndex(parent, name, pointer), 0, value)
  else if (!isObject(parent)) throw noParent(pointer)
  else if (Object.hasOwn(parent, name)) throw badRequest(`The field '${printPointer(pointer)}' already exists`)
  else setMember(parent, name, value)
}

/** Removes the value at `pointer`, if there is one. */
export function removeAt(root: JsonObject, pointer: Pointer): void {
  const { parent, name } = parentOf(root, pointer)
  if (Array.isArray(parent)) {
    if (isPosition(name)) parent.splice(Number(name), 1)
  } else if (isObject(parent)) delete parent[name]
}

type Create = (parent: JsonObject | Json[], name: string, next: string, pointer: Pointer) => Json

function parentOf(root: JsonObject, pointer: Pointer, create?: Create): { parent: Json | undefined; name: string } {
  refuse(pointer)
  let parent: Json | undefined = root
  for (const [index, name] of pointer.slice(0, -1).entries()) {
    if (!isObject(parent) && !Array.isArray(parent)) return { parent: undefined, name }
    const child = childOf(parent, name)
    parent = child ?? create?.(parent, name, pointer[index + 1] ?? '', pointer)
  }
  return { parent, name: pointer.at(-1) ?? '' }
}

function childOf(parent: JsonObject | Json[], name: string): Json | undefined {
  if (Array.isArray(parent)) return isPosition(name) ? parent[Number(name)] : undefined
  return memberOf(parent, name)
}

/** Positions are never created: `/a/0/b` needs an existing list `a`. */
function createMember(parent: JsonObject | Json[], name: string, next: string, pointer: Pointer): Json {
  if (isPosition(name) || isPosition(next)) throw noParent(pointer)
  const child: Json = next === '-' ? [] : {}
  if (Array.isArray(parent)) setElement(parent, name, child, pointer)
  else setMember(parent, name, child)
  return child
}

function setElement(list: Json[], name: string, value: Json, pointer: Pointer): void {
  list[elementIndex(list, name, pointer)] = value
}

function elementIndex(list: Json[], name: string, pointer: Pointer): number {
  const index = name === '-' ? list.length : isPosition(name) ? Number(name) : -1
  if (index < 0 || index > list.length) throw badRequest(`${printPointer(pointer)}: List index out of range: ${name}`)
  return index
}

function refuse(pointer: Pointer): void {
  if (pointer.length === 0) throw badRequest('The field names the whole object, which cannot be changed as one field')
}

const noParent = (pointer: Pointer) =>
  badRequest(`${printPointer(pointer.slice(0, -1))}: Expecting a Map or List`, {
    detail: { field: printPointer(pointer) },
  })
