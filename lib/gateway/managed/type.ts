import { protectionOf } from '../../config/values/protection.ts'
import type { Json, JsonObject } from '../../contract.ts'
import type { ManagedTypeConfiguration, PolicyConfiguration, PropertyConfiguration } from './schema.ts'

/** One type of managed objects: what its schema says, in the words of those who ask. */
export class ManagedType {
  readonly name: string
  /** Where its objects are: `managed/NAME` unless they are the gateway's own. */
  readonly route: string
  readonly required: readonly string[]
  /** Never shown over REST, and kept when an update leaves them out. */
  readonly privates: ReadonlySet<string>
  /** Private ones of which only a hash is stored, which is never shown. */
  readonly hashed: ReadonlySet<string>
  /** Private ones that are stored encrypted. */
  readonly encrypted: ReadonlySet<string>
  /** Relationships are not kept: they are always empty, `[]` or null. */
  readonly relationships: ReadonlyMap<string, Json>
  /** Lists that hold no value twice. */
  readonly sets: ReadonlySet<string>
  readonly unique: readonly string[]
  /** By which objects are looked up and sorted fast. */
  readonly indexes: readonly string[]
  /** What a new object gets where it says nothing. */
  readonly defaults: JsonObject
  /** JSON types that a property may have; none = any. */
  readonly types: ReadonlyMap<string, readonly string[]>
  readonly policies: ReadonlyMap<string, readonly PolicyConfiguration[]>

  constructor({ name, schema = {} }: ManagedTypeConfiguration, route = `managed/${name}`) {
    const properties = Object.entries(schema.properties ?? {})
    const where = (holds: (property: PropertyConfiguration) => boolean | undefined) =>
      properties.filter(([, property]) => holds(property)).map(([name]) => name)
    this.name = name
    this.route = route
    this.required = schema.required ?? []
    const protection = (property: PropertyConfiguration) => protectionOf(property as JsonObject)
    this.hashed = new Set(where((property) => protection(property) === 'hashed'))
    this.encrypted = new Set(where((property) => protection(property) === 'encrypted'))
    this.privates = new Set(where((property) => property.scope === 'private' || protection(property) !== undefined))
    this.relationships = new Map(
      properties.flatMap(([name, property]): [string, Json][] => {
        const empty = emptyRelationship(property)
        return empty === undefined ? [] : [[name, empty]]
      }),
    )
    this.sets = new Set(where(({ uniqueItems }) => uniqueItems === true))
    this.unique = where(({ policies = [] }) => policies.some(({ policyId }) => policyId === 'unique'))
    this.indexes = where(({ searchable }) => searchable).filter((name) => !this.privates.has(name))
    this.defaults = Object.fromEntries(
      properties.flatMap(([name, { default: value }]) => (value === undefined ? [] : [[name, value as Json]])),
    )
    this.types = new Map(properties.map(([name, property]) => [name, this.#typesOf(name, property)]))
    this.policies = new Map(properties.map(([name, { policies = [] }]) => [name, policies]))
  }

  #typesOf(name: string, property: PropertyConfiguration): readonly string[] {
    if (this.relationships.has(name)) return []
    return this.hashed.has(name) ? ['string'] : typesOf(property)
  }
}

const typesOf = ({ type = [] }: PropertyConfiguration): readonly string[] => (Array.isArray(type) ? type : [type])

function emptyRelationship(property: PropertyConfiguration): Json | undefined {
  if (typesOf(property).includes('relationship')) return null
  return property.items && typesOf(property.items).includes('relationship') ? [] : undefined
}
