import { protectionOf } from '../../config/values/protection.ts'
import type { Json, JsonObject } from '../../contract.ts'
import type { ManagedTypeConfiguration, PolicyConfiguration, PropertyConfiguration } from './schema.ts'

/** The schema of one managed type, prepared for lookups. */
export class ManagedType {
  readonly name: string
  /** Route of its objects: `managed/NAME`, except for `internal/user`. */
  readonly route: string
  readonly required: readonly string[]
  /** Never returned over REST, and kept if an update omits them. */
  readonly privates: ReadonlySet<string>
  /** Private properties stored as a hash, which is never returned. */
  readonly hashed: ReadonlySet<string>
  /** Private properties stored encrypted. */
  readonly encrypted: ReadonlySet<string>
  /** Relationships are not stored: their value is always `[]` or null. */
  readonly relationships: ReadonlyMap<string, Json>
  /** Arrays with unique items. */
  readonly sets: ReadonlySet<string>
  readonly unique: readonly string[]
  /** Properties with a database index. */
  readonly indexes: readonly string[]
  /** Default values for new objects. */
  readonly defaults: JsonObject
  /** Allowed JSON types by property; none = any. */
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
