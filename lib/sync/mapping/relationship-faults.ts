import { farEnds } from './far-ends.ts'
import { isRelationship, type Mapping, type Property } from './mapping.ts'

/** Types of this gateway, which keep no relationships. */
const LOCAL = /^managed\//

const EXCLUDED = ['transform', 'default', 'writeOnly', 'writeOnFound'] as const

/** Faults of relationship properties that do not depend on other mappings. */
export function ownRelationshipFaults({ source, target, properties, updateMethod }: Mapping): string[] {
  return properties.flatMap((property, index) => {
    if (!isRelationship(property)) return []
    const place = `properties.${index}`
    const local = [source, target].find((path) => LOCAL.test(path))
    const faults: string[] = []
    if (local !== undefined)
      faults.push(`${place}.relationship: ${local} is a type of this gateway, which keeps no relationships`)
    if (property.source?.length !== 1) faults.push(`${place}.source: must be the name of a relationship`)
    if (property.target.length !== 1) faults.push(`${place}.target: must be the name of a relationship`)
    for (const name of EXCLUDED)
      if (isSet(property, name)) faults.push(`${place}.${name}: cannot be combined with relationship`)
    if (property.condition && 'script' in property.condition)
      faults.push(`${place}.condition: must be a query filter where a relationship is carried over`)
    if (property.relationship.paged && updateMethod === 'put')
      faults.push(`${place}.relationship.paged: cannot be combined with "updateMethod": "put"`)
    return faults
  })
}

const isSet = (property: Property, name: (typeof EXCLUDED)[number]): boolean =>
  property[name] !== undefined && property[name] !== null && property[name] !== false

/**
 * Faults of relationship properties that depend on other mappings.
 * @param mayLack whether mappings that are named may not be loaded yet
 */
export function relationshipFaults(mapping: Mapping, others: readonly Mapping[], mayLack = false): string[] {
  const all = [mapping, ...others.filter(({ name }) => name !== mapping.name)]
  const find = (name: string) => all.find((one) => one.name === name)
  return mapping.properties.flatMap((property, index) => {
    if (!isRelationship(property)) return []
    const place = `properties.${index}.relationship`
    const { faults, unknown } = farEnds(mapping, property.relationship, find)
    const twice = otherEnd(mapping, property, all)
    return [
      ...[...faults, ...(mayLack ? [] : unknown)].map((fault) => `${place}.${fault}`),
      ...(twice === undefined ? [] : [`${place}: ${twice}; keep one of the two`]),
    ]
  })
}

/** The two ends of relationships in the managed objects that IDM comes with. */
const REVERSES: readonly (readonly [string, string])[] = [
  ['roles', 'members'],
  ['manager', 'reports'],
  ['assignments', 'roles'],
  ['authzRoles', 'authzMembers'],
  ['memberOfOrg', 'members'],
  ['adminOfOrg', 'admins'],
  ['ownerOfOrg', 'owners'],
  ['parent', 'children'],
  ['groups', 'members'],
  ['applications', 'members'],
]

const isReverse = (one: string, other: string): boolean =>
  REVERSES.some(([left, right]) => (left === one && right === other) || (left === other && right === one))

/** Another property that maps the other end of a relationship: both would write the same edges. */
function otherEnd(mapping: Mapping, property: Property, all: readonly Mapping[]): string | undefined {
  const places = (of: Mapping, { relationship }: Property) => {
    const find = (name: string) => all.find((one) => one.name === name)
    const { ends } = relationship ? farEnds(of, relationship, find) : { ends: [] }
    return ends.map(({ mapping: { source, target }, isReverse }) => (isReverse ? source : target))
  }
  const far = places(mapping, property)
  for (const other of all)
    for (const [index, candidate] of other.properties.entries()) {
      if (!candidate.relationship || candidate === property || !far.includes(other.target)) continue
      const [own, its] = [property.target[0] ?? '', candidate.target[0] ?? '']
      if (isReverse(own, its) && places(other, candidate).includes(mapping.target))
        return `${own} is the other end of ${its}, which mapping ${other.name} carries over (properties.${index})`
    }
  return undefined
}

/** The mappings that go first: those that `syncAfter` names, or else those whose links translate relationships. */
export function syncAfterOf({ name, syncAfter, properties }: Pick<Mapping, 'name' | 'syncAfter' | 'properties'>) {
  if (syncAfter.length > 0) return syncAfter
  const named = properties.flatMap(({ relationship }): string[] => {
    if (!relationship) return []
    return typeof relationship.mapping === 'string' ? [relationship.mapping] : Object.values(relationship.mapping)
  })
  return [...new Set(named)].filter((other) => other !== name)
}
