import type { Json, JsonObject } from '../../../lib/contract.ts'
import type { Pointer } from '../../../lib/crest/pointer.ts'
import { projectFields } from '../../../lib/crest/protocol/fields.ts'
import { isUser } from './options.ts'
import type { Edge, ObjectName } from './relationships.ts'
import type { Entry, Store } from './store.ts'

/** Computed from a user's roles; writes to it are ignored. */
export const EFFECTIVE_ROLES = 'effectiveRoles'

/** An object as returned for `_fields`; an empty list selects the default fields. */
export function represent(store: Store, collection: string, entry: Entry, fields: readonly Pointer[]): JsonObject {
  const name = { collection, id: entry.id }
  const identity = identityOf(entry)
  const shown = { ...identity, ...visible(store, entry.content), ...effectiveRoles(store, name) }
  if (fields.length === 0) return shown
  const relationships = relationshipFields(store, collection, fields)
  const others = fields.filter(([first = '']) => first !== '*_ref' && !relationships.has(first))
  const chosen = others.length === 0 ? {} : projectFields(shown, others)
  return { ...identity, ...chosen, ...showRelationships(store, name, relationships) }
}

export const identityOf = ({ id, revision }: Entry): JsonObject =>
  revision === null ? { _id: id } : { _id: id, _rev: revision }

/** The content without fields that are never returned. */
export function visible({ switches }: Store, content: JsonObject): JsonObject {
  const hidden = [...switches.invisible, ...switches.writeOnly]
  if (!hidden.some((field) => Object.hasOwn(content, field))) return content
  return Object.fromEntries(Object.entries(content).filter(([field]) => !hidden.includes(field)))
}

function effectiveRoles(store: Store, name: ObjectName): JsonObject {
  if (!isUser(name.collection) || !store.relationships.fields(name.collection).has('roles')) return {}
  const edges = store.relationships.edges(name, 'roles')
  return { [EFFECTIVE_ROLES]: edges.map((edge) => ({ _ref: refOf(store.relationships.far(edge, name, 'roles')) })) }
}

/** The requested relationship fields, each with the requested fields of the far objects. */
function relationshipFields(store: Store, collection: string, fields: readonly Pointer[]): Map<string, Pointer[]> {
  const known = [...store.relationships.fields(collection).keys()]
  const asked = new Map<string, Pointer[]>()
  for (const [first = '', ...rest] of fields) {
    const names = first === '*_ref' ? known : known.filter((name) => name === first)
    for (const name of names) asked.set(name, [...(asked.get(name) ?? []), ...(rest.length > 0 ? [rest] : [])])
  }
  return asked
}

function showRelationships(store: Store, name: ObjectName, asked: ReadonlyMap<string, Pointer[]>): JsonObject {
  const shown: JsonObject = {}
  const lists = store.relationships.fields(name.collection)
  for (const [field, farFields] of asked) {
    const value = showField(store, name, field, farFields, lists.get(field) ?? false)
    if (value !== undefined) shown[field] = value
  }
  return shown
}

/** OpenIDM 7.0.1 returns nothing for fields behind a list (`roles/name`). */
function showField(store: Store, name: ObjectName, field: string, farFields: readonly Pointer[], isList: boolean) {
  if (isList && farFields.length > 0 && store.switches.like === 'openidm') return undefined
  const edges = store.relationships.edges(name, field).map((edge) => showEdge(store, name, field, edge, farFields))
  return isList ? edges : (edges[0] ?? null)
}

/** `{ _ref, _refProperties: { _id, _rev, … } }`, with the requested fields of the far object. */
export function showEdge(
  store: Store,
  name: ObjectName,
  field: string,
  edge: Edge,
  farFields: readonly Pointer[] = [],
): JsonObject {
  const far = store.relationships.far(edge, name, field)
  const revision = store.find(far)?.revision ?? null
  const parts = { _refResourceCollection: far.collection, _refResourceId: far.id, _refResourceRev: revision }
  return {
    _ref: refOf(far),
    ...(store.switches.like === 'pingidm' ? parts : {}),
    _refProperties: { _id: edge.id, _rev: String(edge.revision), ...edge.properties },
    ...farContent(store, far, farFields),
  }
}

function farContent(store: Store, far: ObjectName, fields: readonly Pointer[]): JsonObject {
  const entry = fields.length > 0 ? store.find(far) : undefined
  if (!entry) return {}
  const { _id, _rev, ...content } = represent(store, far.collection, entry, fields)
  return content
}

export const refOf = ({ collection, id }: ObjectName): string => `${collection}/${id}`

/** The current value of a relationship field, as a PATCH operates on it. */
export function currentReferences(store: Store, name: ObjectName, field: string): Json | undefined {
  const edges = store.relationships.edges(name, field).map((edge) => showEdge(store, name, field, edge))
  return store.relationships.fields(name.collection).get(field) ? edges : edges[0]
}
