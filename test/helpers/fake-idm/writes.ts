import { randomUUID } from 'node:crypto'
import type { Json, JsonObject } from '../../../lib/contract.ts'
import { badRequest, conflict, notFound, preconditionFailed, ResourceException } from '../../../lib/crest/errors.ts'
import { copyExact, isMap, isSame, plain, printExact } from './exact-json.ts'
import { isUser, type Normalisation } from './options.ts'
import { applyOperations, readOperations } from './patch.ts'
import { checkPolicies } from './policies.ts'
import type { Edge, ObjectName } from './relationships.ts'
import { currentReferences, EFFECTIVE_ROLES } from './represent.ts'
import type { Entry, Store } from './store.ts'

export interface Written {
  readonly entry: Entry
  /** False when nothing was stored; conditions were not checked then. */
  readonly changed: boolean
}

interface Write {
  readonly name: ObjectName
  readonly previous?: Entry
  readonly content: JsonObject
  /** The relationship fields to write, each with its complete new value. */
  readonly references: ReadonlyMap<string, Json | undefined>
  /** Each must equal the current revision. */
  readonly conditions: readonly string[]
  /** The fields that policies check; absent: the whole object. */
  readonly touched?: readonly string[]
  /** Whether it is stored even when nothing differs. */
  readonly always: boolean
}

/** @param pathId the id in the path of a PUT; OpenIDM prefers an id in the body */
export function create(store: Store, collection: string, body: Json | undefined, pathId?: string): Written {
  const { clientIds, defaults, namedBy } = store.switches
  const object = objectOf(body)
  const chosen = typeof object._id === 'string' ? object._id : pathId
  if (chosen !== undefined && clientIds !== 'accepted')
    throw new ResourceException(clientIds, 'Creation with a client-provided id is not supported')
  const id = namedBy === undefined ? (chosen ?? randomUUID()) : String(object[namedBy])
  const name = { collection, id }
  const taken = store.find(name)
  // OpenIDM passes on the database's message, which prints the whole record.
  if (taken)
    throw preconditionFailed(`Cannot index record ${printExact({ _id: id, ...taken.content })}: duplicated key`)
  const { content, references } = split(store, collection, { ...copyExact(defaults), ...object })
  return commit(store, { name, content, references, conditions: [], always: true })
}

export function update(store: Store, name: ObjectName, body: Json | undefined, ifMatch: string | undefined): Written {
  const previous = store.get(name)
  const object = objectOf(body)
  const { content, references } = split(store, name.collection, object)
  const kept = store.switches.writeOnly.filter((field) => !(field in content) && field in previous.content)
  for (const field of kept) content[field] = previous.content[field] ?? null
  const isOfUser = isUser(name.collection)
  const losesRoles = isOfUser && !('_id' in object) && store.relationships.fields(name.collection).has('roles')
  if (losesRoles && !references.has('roles')) references.set('roles', [])
  const conditions = [ifMatch, object._rev].filter((revision) => typeof revision === 'string')
  return commit(store, { name, previous, content, references, conditions, always: !isOfUser })
}

export function patch(store: Store, name: ObjectName, body: Json | undefined, ifMatch: string | undefined): Written {
  const previous = store.get(name)
  const operations = readOperations(body)
  const relationships = store.relationships.fields(name.collection)
  const touched = operations.map(({ field: [first = ''] }) => first)
  const draft: JsonObject = copyExact(previous.content)
  for (const field of new Set(touched.filter((field) => relationships.has(field)))) {
    const current = currentReferences(store, name, field)
    if (current !== undefined) draft[field] = current
  }
  const addOfList = store.switches.like === 'openidm' ? 'replaces' : 'appends'
  applyOperations(draft, operations, { addOfList, relationships })
  const { content, references } = split(store, name.collection, draft)
  for (const field of touched) if (relationships.has(field) && !references.has(field)) references.set(field, undefined)
  const conditions = ifMatch === undefined ? [] : [ifMatch]
  return commit(store, { name, previous, content, references, conditions, touched, always: false })
}

export function remove(store: Store, name: ObjectName, ifMatch: string | undefined): void {
  checkConditions(store, name, store.get(name), ifMatch === undefined ? [] : [ifMatch])
  store.delete(name)
}

/** `POST ID/roles?_action=create`. */
export function createEdge(store: Store, name: ObjectName, field: string, reference: Json | undefined): Edge {
  const previous = store.get(name)
  const before = store.relationships.edges(name, field)
  const isList = store.relationships.fields(name.collection).get(field)
  const current = isList ? (currentReferences(store, name, field) as Json[]) : []
  const references = new Map([[field, [...current, reference ?? null]]])
  commit(store, { name, previous, content: previous.content, references, conditions: [], touched: [], always: false })
  const added = store.relationships.edges(name, field).find((edge) => !before.includes(edge))
  if (!added) throw badRequest('The relationship was not created')
  return added
}

/** `DELETE ID/roles/EDGE`. */
export function removeEdge(store: Store, name: ObjectName, field: string, edge: Edge): void {
  store.changeEdges(name, field, { removed: [edge], added: [] })
  store.put(name, store.get(name).content)
}

export function edgeOf(store: Store, name: ObjectName, field: string, id: string): Edge {
  const edge = store.relationships.edges(name, field).find((edge) => edge.id === id)
  if (!edge) throw notFound(`Relationship ${id} not found in ${field}`)
  return edge
}

function objectOf(body: Json | undefined): JsonObject {
  if (!isMap(body)) throw badRequest('The provided content is not a JSON object')
  return copyExact(body)
}

/** Separates relationships from content; drops identity and computed fields. */
function split(store: Store, collection: string, { _id, _rev, ...object }: JsonObject) {
  const references = new Map<string, Json | undefined>()
  for (const field of store.relationships.fields(collection).keys()) {
    if (!(field in object)) continue
    references.set(field, object[field])
    delete object[field]
  }
  if (isUser(collection)) delete object[EFFECTIVE_ROLES]
  return { content: object, references }
}

/** All or nothing: everything is validated before the first change. */
function commit(store: Store, write: Write): Written {
  const { name, previous, references } = write
  const content = settled(store, write)
  checkPolicies(store.switches.policies[name.collection] ?? {}, {
    content,
    touched: write.touched,
    isTaken: (field, value) => isTaken(store, name, field, value),
  })
  const plans = [...references].map(
    ([field, value]) => [field, store.relationships.plan(name, field, value, store.exists)] as const,
  )
  const isSameEdges = plans.every(([, { removed, added }]) => removed.length + added.length === 0)
  if (previous && !write.always && isSameEdges && isSame(content, previous.content))
    return { entry: { ...previous, revision: echoed(store, previous, write.conditions) }, changed: false }
  if (previous) checkConditions(store, name, previous, write.conditions)
  const renamed = newName(store, name, content)
  store.put(name, content)
  for (const [field, plan] of plans) store.changeEdges(name, field, plan)
  return { entry: renamed === name.id ? store.get(name) : store.rename(name, renamed), changed: true }
}

function settled({ switches }: Store, { content, previous }: Write): JsonObject {
  const next = { ...content }
  for (const field of switches.swallowed) {
    const before = previous?.content[field]
    if (before === undefined) delete next[field]
    else next[field] = before
  }
  for (const [field, normalisation] of Object.entries(switches.normalised))
    if (next[field] !== undefined) next[field] = normalise(next[field], normalisation)
  return next
}

function normalise(value: Json, normalisation: Normalisation): Json {
  if (typeof normalisation === 'function') return normalisation(value)
  if (Array.isArray(value)) {
    const sorted = (list: Json[]) => list.toSorted((one, other) => (printExact(one) < printExact(other) ? -1 : 1))
    return normalisation === 'sort' ? sorted(value) : value.map((element) => normalise(element, normalisation))
  }
  if (typeof value !== 'string') return value
  return normalisation === 'trim' ? value.trim() : normalisation === 'lowerCase' ? value.toLowerCase() : value
}

const isTaken = (store: Store, { collection, id }: ObjectName, field: string, value: Json): boolean =>
  [...store.collection(collection).values()].some((other) => other.id !== id && isSame(other.content[field], value))

/** A write without effect returns the caller's revision, even a wrong one. */
const echoed = (store: Store, previous: Entry, [revision]: readonly string[]): string | null =>
  store.switches.revisions === 'none' ? null : (revision ?? previous.revision)

function checkConditions(store: Store, { collection, id }: ObjectName, entry: Entry, conditions: readonly string[]) {
  if (store.switches.revisions === 'none') return
  const other = conditions.find((revision) => revision !== entry.revision)
  if (other !== undefined)
    throw preconditionFailed(
      `Object ${id} in ${collection}: current revision ${entry.revision} is different than expected by caller (${other}), the object has changed since retrieval.`,
    )
}

function newName(store: Store, { collection, id }: ObjectName, content: JsonObject): string {
  const { namedBy } = store.switches
  const name = namedBy === undefined ? id : String(plain(content)[namedBy] ?? id)
  if (name !== id && store.exists({ collection, id: name })) throw conflict(`Object ${name} already exists`)
  return name
}
