import { type Protection, protectionOf } from '../../config/values/protection.ts'
import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { Pointer } from '../../crest/pointer.ts'
import type { Mapping } from './mapping.ts'

const NONE: readonly Pointer[] = []

/** The managed types in force, as they are configured; without a schema where that has a fault. */
export type ManagedTypes = () => readonly { readonly name: string; readonly schema: JsonObject | undefined }[]

type MappedFields = Pick<Mapping, 'source' | 'target' | 'properties'>

interface Known {
  readonly types: ReturnType<ManagedTypes>
  readonly byPath: ReadonlyMap<string, readonly Pointer[]>
  readonly protections: ReadonlyMap<string, ReadonlyMap<string, Protection>>
}

/**
 * What the schemas of managed objects keep to themselves: properties with `"scope": "private"`, `isProtected`,
 * `encryption` or `secureHash`, down to properties of objects.
 */
export class PrivateFields {
  readonly #types: ManagedTypes
  #last: Known | undefined

  constructor(types: ManagedTypes) {
    this.#types = types
  }

  /**
   * The fields of the target that a mapping fills from or into private ones, as `differences` writes fields; undefined
   * when a schema is not known.
   */
  ofMapping({ source, target, properties }: MappedFields): ReadonlySet<string> | undefined {
    if ([source, target].some((path) => path.startsWith('managed/') && !this.#known.byPath.has(path))) return undefined
    const hidden = this.#known.byPath.get(source) ?? NONE
    const filled = properties.filter((property) => hidden.some((field) => isWithin(property.source, field)))
    const fields = [...(this.#known.byPath.get(target) ?? NONE), ...filled.map((property) => property.target)]
    return new Set(fields.map((field) => `/${field.join('/')}`))
  }

  /** The private fields of a collection, as `ofMapping` writes them; undefined when its schema is not known. */
  ofCollection(path: string): ReadonlySet<string> | undefined {
    const fields = this.#known.byPath.get(path)
    if (!fields && path.startsWith('managed/')) return undefined
    return new Set((fields ?? NONE).map((field) => `/${field.join('/')}`))
  }

  /**
   * How a field of a collection such as `managed/user` is stored. A hashed one cannot be read; an encrypted one is read as
   * its envelope.
   */
  protectionOf(collection: string, [name]: Pointer): Protection | undefined {
    return name === undefined ? undefined : this.#known.protections.get(collection)?.get(name)
  }

  /** The names of the fields of a collection with this protection. */
  protectedNames(collection: string, protection: Protection): string[] {
    const own = this.#known.protections.get(collection) ?? new Map<string, Protection>()
    return [...own].flatMap(([name, stored]) => (stored === protection ? [name] : []))
  }

  get #known(): Known {
    const types = this.#types()
    if (this.#last?.types === types) return this.#last
    const byPath = <T>(of: (schema: Json | undefined) => T) =>
      new Map(types.flatMap(({ name, schema }) => (schema ? [[`managed/${name}`, of(schema)] as const] : [])))
    this.#last = { types, byPath: byPath((schema) => privateIn(schema, [])), protections: byPath(protectionsIn) }
    return this.#last
  }
}

/** The private properties of a schema, including those of objects and of lists of objects in it. */
function privateIn(schema: Json | undefined, place: Pointer): Pointer[] {
  if (!isObject(schema)) return []
  const own = isObject(schema.properties) ? Object.entries(schema.properties) : []
  const inner = own.flatMap(([name, property]) => {
    const field = [...place, name]
    return isObject(property) && isPrivate(property) ? [field] : privateIn(property, field)
  })
  return [...inner, ...privateIn(schema.items, place)]
}

/** The protection of properties by their names. */
function protectionsIn(schema: Json | undefined): ReadonlyMap<string, Protection> {
  const properties = isObject(schema) && isObject(schema.properties) ? Object.entries(schema.properties) : []
  return new Map(
    properties.flatMap(([name, property]) => {
      const protection = isObject(property) ? protectionOf(property) : undefined
      return protection === undefined ? [] : [[name, protection] as const]
    }),
  )
}

const isPrivate = ({ scope, isProtected, encryption, secureHash }: JsonObject): boolean =>
  scope === 'private' || isProtected === true || isObject(encryption) || isObject(secureHash)

/** Whether one of the fields contains the other. */
const isWithin = (left: Pointer | undefined, right: Pointer): boolean =>
  left !== undefined && left.length > 0 && left.every((name, index) => index >= right.length || right[index] === name)
