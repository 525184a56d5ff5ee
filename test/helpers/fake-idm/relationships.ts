import { randomUUID } from 'node:crypto'
import type { Json, JsonObject } from '../../../lib/contract.ts'
import { badRequest, preconditionFailed } from '../../../lib/crest/errors.ts'
import { isMap, isSame } from './exact-json.ts'

export interface ObjectName {
  readonly collection: string
  readonly id: string
}

interface End {
  readonly collection: string
  /** Empty where a one-way relationship ends. */
  readonly field: string
  readonly isList: boolean
}

type Ends<T> = readonly [T, T]

/** One relationship between two objects; both ends show the same edge. */
export interface Edge {
  readonly id: string
  revision: number
  readonly ends: Ends<End>
  readonly ids: Ends<string>
  readonly properties: JsonObject
}

/** A field that holds edges: `near` is its own end. The same field may lead to several collections. */
interface Route {
  readonly ends: Ends<End>
  readonly near: 0 | 1
}

/** The changes to one field, computed and validated before any of them is applied. */
export interface EdgePlan {
  readonly removed: readonly Edge[]
  readonly added: readonly Omit<Edge, 'id' | 'revision'>[]
}

const NONE: ReadonlyMap<string, boolean> = new Map()
const keyOf = ({ collection, id }: ObjectName, field: string): string => `${collection}/${field}/${id}`
const opposite = (side: 0 | 1): 0 | 1 => (side === 0 ? 1 : 0)

export class Relationships {
  readonly #routes: readonly Route[]
  readonly #fields = new Map<string, ReadonlyMap<string, boolean>>()
  readonly #edges = new Map<string, Set<Edge>>()

  /** @param declared both ends by their paths, see `FakeIdmOptions.relationships` */
  constructor(declared: Readonly<Record<string, string>>) {
    this.#routes = Object.entries(declared).flatMap(([one, other]) => {
      const ends = [endOf(one), endOf(other)] as const
      return [0 as const, 1 as const].filter((near) => ends[near].field !== '').map((near) => ({ ends, near }))
    })
    for (const { ends, near } of this.#routes) {
      const { collection, field, isList } = ends[near]
      this.#fields.set(collection, new Map(this.#fields.get(collection)).set(field, isList))
    }
  }

  get collections(): string[] {
    return [...this.#fields.keys()]
  }

  clear(): void {
    this.#edges.clear()
  }

  /** The relationship fields of a collection, and whether each holds a list. */
  fields(collection: string): ReadonlyMap<string, boolean> {
    return this.#fields.get(collection) ?? NONE
  }

  /** The relationship fields of a collection, and the empty one where one-way relationships end. */
  ends(collection: string): string[] {
    return ['', ...this.fields(collection).keys()]
  }

  edges(name: ObjectName, field: string): Edge[] {
    return [...(this.#edges.get(keyOf(name, field)) ?? [])]
  }

  edgesOf(name: ObjectName): Edge[] {
    return this.ends(name.collection).flatMap((field) => this.edges(name, field))
  }

  /** The object at the other end of an edge that `field` of `name` shows. */
  far(edge: Edge, name: ObjectName, field: string): ObjectName {
    const isFirst = edge.ends[0].collection === name.collection && edge.ends[0].field === field
    const side = isFirst ? 1 : 0
    return { collection: edge.ends[side].collection, id: edge.ids[side] }
  }

  /**
   * The changes that make `field` of `name` equal to `value`. An element with the id of an existing edge keeps it.
   * @throws badRequest for an invalid reference or a missing far object, preconditionFailed for a duplicate
   */
  plan(name: ObjectName, field: string, value: Json | undefined, exists: (name: ObjectName) => boolean): EdgePlan {
    const current = new Map(this.edges(name, field).map((edge) => [edge.id, edge]))
    const elements = Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]
    const seen = new Set<string>()
    const added: EdgePlan['added'][number][] = []
    for (const element of elements) {
      const { ref, id, properties } = referenceOf(element, field)
      if (seen.has(ref)) throw preconditionFailed('Duplicate relationship specified in relationship collection.')
      seen.add(ref)
      const edge = current.get(id)
      const far = edge && this.far(edge, name, field)
      if (edge && far && `${far.collection}/${far.id}` === ref && isSame(edge.properties, properties))
        current.delete(id)
      else added.push(this.#addition(name, field, ref, properties, exists))
    }
    return { removed: [...current.values()], added }
  }

  link(addition: EdgePlan['added'][number]): Edge {
    const edge: Edge = { ...addition, id: randomUUID(), revision: 1 }
    for (const side of [0, 1] as const) {
      const { collection, field, isList } = edge.ends[side]
      const key = keyOf({ collection, id: edge.ids[side] }, field)
      if (!isList) for (const other of this.#edges.get(key) ?? []) this.unlink(other)
      const edges = this.#edges.get(key) ?? new Set()
      this.#edges.set(key, edges.add(edge))
    }
    return edge
  }

  unlink(edge: Edge): void {
    for (const side of [0, 1] as const) {
      const { collection, field } = edge.ends[side]
      this.#edges.get(keyOf({ collection, id: edge.ids[side] }, field))?.delete(edge)
    }
  }

  #addition(
    name: ObjectName,
    field: string,
    ref: string,
    properties: JsonObject,
    exists: (name: ObjectName) => boolean,
  ): EdgePlan['added'][number] {
    for (const { ends, near } of this.#routes) {
      if (ends[near].collection !== name.collection || ends[near].field !== field) continue
      const far = ends[opposite(near)].collection
      const id = ref.startsWith(`${far}/`) ? ref.slice(far.length + 1) : ''
      if (id === '' || !exists({ collection: far, id })) continue
      return { ends, ids: near === 0 ? [name.id, id] : [id, name.id], properties }
    }
    throw badRequest(`The referenced relationship '${ref}', does not exist`)
  }
}

function endOf(path: string): End {
  const [, collection = '', field = '', star] = /^(.+)\/([^/*]*)(\*?)$/.exec(path) ?? []
  if (collection === '') throw new TypeError(`not a relationship field: ${path}`)
  return { collection, field, isList: star === '*' || field === '' }
}

function referenceOf(element: Json, field: string): { ref: string; id: string; properties: JsonObject } {
  if (!isMap(element) || typeof element._ref !== 'string')
    throw badRequest(`The value of relationship field '${field}' has no _ref`)
  const { _id = '', _rev, ...properties } = isMap(element._refProperties) ? element._refProperties : {}
  return { ref: element._ref, id: String(_id), properties }
}

/** A reference without the identity of its edge: writing it creates a new edge. */
export function asNewReference(element: Json): Json {
  if (!isMap(element) || !isMap(element._refProperties)) return element
  const { _id, _rev, ...properties } = element._refProperties
  return { ...element, _refProperties: properties }
}
