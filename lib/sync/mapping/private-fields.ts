import { type Protection, protectionOf } from '../../config/values/protection.ts'
import type { ConfigurationObject, ConfigurationService, Disposable, Json, JsonObject, Logger } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { Scope } from '../../core/scope.ts'
import type { Pointer } from '../../crest/pointer.ts'
import type { Mapping } from './mapping.ts'

const NONE: readonly Pointer[] = []

/**
 * What the schemas of `conf/managed.json` keep to themselves: properties with `"scope": "private"`, `isProtected`,
 * `encryption` or `secureHash`, down to properties of objects. Whoever serves the managed objects judges that file; here
 * a part that is broken hides nothing.
 */
export class PrivateFields implements Disposable {
  readonly #scope: Scope
  readonly #absent: JsonObject | undefined
  #byPath: ReadonlyMap<string, readonly Pointer[]> = new Map()
  #protections: ReadonlyMap<string, ReadonlyMap<string, Protection>> = new Map()

  /** @param absent what is in force while there is no `managed.json` */
  constructor(log: Logger, absent?: JsonObject) {
    this.#scope = new Scope(log)
    this.#absent = absent
  }

  /** Resolves when the schemas that are there are known. */
  async follow(configuration: ConfigurationService): Promise<void> {
    const consumer = {
      factoryPid: 'managed',
      validate: () => [],
      apply: async (objects: readonly ConfigurationObject[]) => this.#take(objects[0]),
    }
    this.#scope.own('schemas of managed objects', await configuration.subscribe(consumer))
  }

  /** The fields of the target that a mapping fills from or into private ones, as `differences` writes fields. */
  ofMapping({ source, target, properties }: Pick<Mapping, 'source' | 'target' | 'properties'>): ReadonlySet<string> {
    const hidden = this.#byPath.get(source) ?? NONE
    const filled = properties.filter((property) => hidden.some((field) => isWithin(property.source, field)))
    const fields = [...(this.#byPath.get(target) ?? NONE), ...filled.map((property) => property.target)]
    return new Set(fields.map((field) => `/${field.join('/')}`))
  }

  /**
   * How a field of a collection such as `managed/user` is stored: a hashed one cannot be read, an encrypted one is read
   * as its envelope.
   */
  protectionOf(collection: string, [name]: Pointer): Protection | undefined {
    return name === undefined ? undefined : this.#protections.get(collection)?.get(name)
  }

  /** The names of the fields of a collection that are stored so. */
  protectedNames(collection: string, protection: Protection): string[] {
    const own = this.#protections.get(collection) ?? new Map<string, Protection>()
    return [...own].flatMap(([name, stored]) => (stored === protection ? [name] : []))
  }

  dispose(): Promise<void> {
    return this.#scope.dispose()
  }

  /** A file that cannot be read leaves in force what was. */
  #take(object: ConfigurationObject | undefined): void {
    if (object !== undefined && object.content === undefined) return
    const types = (object?.content ?? this.#absent)?.objects
    const known = (Array.isArray(types) ? types : []).filter((type) => isObject(type))
    const byPath = <T>(of: (schema: Json | undefined) => T) =>
      new Map(known.map(({ name, schema }) => [`managed/${String(name)}`, of(schema)] as const))
    this.#byPath = byPath((schema) => privateIn(schema, []))
    this.#protections = byPath(protectionsIn)
  }
}

/** The private properties of a schema, and of those of its objects and lists of objects. */
function privateIn(schema: Json | undefined, place: Pointer): Pointer[] {
  if (!isObject(schema)) return []
  const own = isObject(schema.properties) ? Object.entries(schema.properties) : []
  const inner = own.flatMap(([name, property]) => {
    const field = [...place, name]
    return isObject(property) && isPrivate(property) ? [field] : privateIn(property, field)
  })
  return [...inner, ...privateIn(schema.items, place)]
}

/** By the names of the properties that are not stored in clear. */
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

/** Whether one of two fields holds the other. */
const isWithin = (left: Pointer | undefined, right: Pointer): boolean =>
  left !== undefined && left.length > 0 && left.every((name, index) => index >= right.length || right[index] === name)
