import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { childPath, pathElements, pathFrom } from '../../crest/protocol/resource-path.ts'
import { isEmpty, isSame } from '../evaluate/difference.ts'

/** One edge of a relationship, seen from one of its ends. */
export interface Edge {
  /** The far object. */
  readonly collection: string
  readonly id: string
  readonly properties: JsonObject
  /** As the remote shows it. */
  readonly shown: JsonObject
}

/**
 * The edges in a relationship field; undefined when it is not shown, or something else than references is.
 * A null, or an object without members, is a reference that is not set.
 */
export function edgesOf(value: Json | undefined): Edge[] | undefined {
  if (value === undefined) return undefined
  if (isEmpty(value)) return []
  const edges = (Array.isArray(value) ? value : [value]).map(edgeOf)
  return edges.every((edge) => edge !== undefined) ? edges : undefined
}

function edgeOf(value: Json): Edge | undefined {
  if (!isObject(value) || typeof value._ref !== 'string') return undefined
  const { _ref, _refResourceCollection: collection, _refResourceId: id, _refProperties } = value
  const far = typeof collection === 'string' && typeof id === 'string' ? { collection, id } : farOf(_ref)
  return far && { ...far, properties: isObject(_refProperties) ? _refProperties : {}, shown: value }
}

function farOf(reference: string): { collection: string; id: string } | undefined {
  try {
    const elements = pathElements(reference)
    const id = elements.pop()
    return id === undefined || elements.length === 0 ? undefined : { collection: pathFrom(elements), id }
  } catch {
    return undefined
  }
}

/** The id of the edge itself; undefined when the remote does not show it. */
export const edgeId = (shown: Json): string | undefined => {
  const { _id } = isObject(shown) && isObject(shown._refProperties) ? shown._refProperties : {}
  return typeof _id === 'string' ? _id : undefined
}

/** A remote makes and removes these edges itself, by the condition of the role. */
export const isConditional = ({ properties }: Edge): boolean => properties._grantType === 'conditional'

/** A remote shows an empty text for what is not set. */
const given = (properties: JsonObject, name: string): Json => {
  const value = properties[name] ?? null
  return value === '' ? null : value
}

export const hasSameProperties = (one: Edge, other: Edge, names: readonly string[]): boolean =>
  names.every((name) => isSame(given(one.properties, name), given(other.properties, name)))

/** A reference to write, with the named properties of an edge of the source. */
export function reference(collection: string, id: string, { properties }: Edge, names: readonly string[]): JsonObject {
  const own = names.flatMap((name) => {
    const value = given(properties, name)
    return value === null ? [] : [[name, value] as const]
  })
  const path = childPath(collection, id)
  return own.length === 0 ? { _ref: path } : { _ref: path, _refProperties: Object.fromEntries(own) }
}
