import type { ConfigurationObject, ConfigurationService, Disposable, Json, JsonObject, Logger } from '../contract.ts'
import type { Pointer } from '../crest/pointer.ts'
import { isObject } from '../util/json.ts'
import { Scope } from '../util/scope.ts'
import type { Mapping } from './mapping.ts'

const NONE: readonly Pointer[] = []

/**
 * What the schemas of `conf/managed.json` keep to themselves: properties with `"scope": "private"`, `isProtected`,
 * `encryption` or `secureHash`, down to properties of objects. Whoever serves the managed objects judges that file; here
 * a part that is broken hides nothing.
 */
export class PrivateFields implements Disposable {
  readonly #scope: Scope
  #byPath: ReadonlyMap<string, readonly Pointer[]> = new Map()

  constructor(log: Logger) {
    this.#scope = new Scope(log)
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

  dispose(): Promise<void> {
    return this.#scope.dispose()
  }

  /** A file that cannot be read leaves in force what was. */
  #take(object: ConfigurationObject | undefined): void {
    if (object !== undefined && object.content === undefined) return
    const types = object?.content?.objects ?? []
    const known = (Array.isArray(types) ? types : []).filter((type) => isObject(type))
    this.#byPath = new Map(known.map(({ name, schema }) => [`managed/${String(name)}`, privateIn(schema, [])] as const))
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

const isPrivate = ({ scope, isProtected, encryption, secureHash }: JsonObject): boolean =>
  scope === 'private' || isProtected === true || isObject(encryption) || isObject(secureHash)

/** Whether one of two fields holds the other. */
const isWithin = (left: Pointer | undefined, right: Pointer): boolean =>
  left !== undefined && left.length > 0 && left.every((name, index) => index >= right.length || right[index] === name)
