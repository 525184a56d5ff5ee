import type { Json, JsonObject } from '../../contract.ts'
import { copyJson } from '../../core/json.ts'
import { badRequest } from '../../crest/errors.ts'
import type { Pointer } from '../../crest/pointer.ts'
import { projectFields } from '../../crest/protocol/fields.ts'
import type { RequestContext, Resource } from '../../crest/protocol/request.ts'
import type { ManagedType } from './type.ts'

/** The object without private properties and relationships. */
export const visible = (type: ManagedType, object: JsonObject): JsonObject =>
  without(object, (name) => type.privates.has(name) || type.relationships.has(name))

/** The object as scripts and mappings see it: private properties as stored, but no hashes. */
export const visibleInside = (type: ManagedType, object: JsonObject): JsonObject =>
  without(object, (name) => type.hashed.has(name) || type.relationships.has(name))

/** The private properties of the object. */
export const hidden = (type: ManagedType, object: JsonObject): JsonObject =>
  without(object, (name) => !type.privates.has(name))

export const without = (object: JsonObject, drops: (name: string) => boolean): JsonObject =>
  Object.fromEntries(Object.entries(object).filter(([name]) => !drops(name)))

/**
 * A stored object as returned to the caller. A relationship is included, empty, if requested by name or with `*_ref`.
 */
export function shown(
  type: ManagedType,
  resource: Resource,
  fields: readonly Pointer[],
  { external }: RequestContext,
): Resource {
  const own = external ? visible(type, resource.content) : visibleInside(type, resource.content)
  const content = { ...own, ...askedRelationships(type, fields) }
  return {
    ...resource,
    content: projectFields(
      content,
      fields.flatMap((field) => relationshipFields(type, field)),
    ),
  }
}

function askedRelationships(type: ManagedType, fields: readonly Pointer[]): JsonObject {
  const names = new Set(fields.map(([name]) => name))
  const asked = [...type.relationships].filter(([name]) => names.has(name) || names.has('*_ref'))
  return Object.fromEntries(asked.map(([name, empty]): [string, Json] => [name, copyJson(empty)]))
}

/** Expands `*_ref` to the relationships; fields below a relationship match nothing. */
function relationshipFields(type: ManagedType, field: Pointer): Pointer[] {
  const [name = ''] = field
  if (name === '*_ref') return [...type.relationships.keys()].map((relationship) => [relationship])
  return [type.relationships.has(name) ? [name] : field]
}

/**
 * The object of a client without relationships; empty ones are stored implicitly.
 * @throws badRequest for a non-empty one, which would be lost silently
 */
export function withoutRelationships(type: ManagedType, object: JsonObject): JsonObject {
  const lost = Object.keys(object).find((name) => type.relationships.has(name) && !isEmpty(object[name]))
  if (lost !== undefined) throw badRequest(`Relationships are not supported by this gateway: remove '${lost}'`)
  return without(object, (name) => type.relationships.has(name))
}

const isEmpty = (value: Json | undefined): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0)
