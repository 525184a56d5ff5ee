import type { Json, JsonObject } from '../../contract.ts'
import { isRelationship, type Mapping } from '../mapping/mapping.ts'

/** The fields that one side of a mapping requests; undefined = the default fields of the resource. */
export interface SelectedFields {
  /** For the query of the mapping. */
  readonly scan: readonly string[] | undefined
  /** For all other requests: reads by id, correlation, and the answers to writes. */
  readonly read: readonly string[] | undefined
  /** Whether a read returns every field that a filter may refer to. */
  readonly isWhole: boolean
}

/** A query for at most this many fields only lists objects, which are then read by id. */
const MAX_LISTED_FIELDS = 2

/**
 * The fields of a side. Every other read requests the fields of the scan, too: otherwise a field that only the scan
 * returned would look empty later. A query for ids only is followed by reads of complete objects.
 */
export function selectedFields(mapping: Mapping, side: 'source' | 'target'): SelectedFields {
  const isSource = side === 'source'
  const query = isSource ? mapping.sourceQuery : mapping.targetQuery
  const isFullEntry = isSource ? mapping.sourceQueryFullEntry : mapping.targetQueryFullEntry
  const defaults = isSource ? mapping.defaultSourceFields : mapping.defaultTargetFields
  const named = namesIn(query?.params._fields)
  const edges = relationshipFields(mapping, side)
  if (!named && !defaults) {
    const fields = edges.length === 0 ? undefined : ['*', ...edges]
    return { scan: fields, read: fields, isWhole: true }
  }
  const own = named?.filter((name) => name !== '_id' && name !== '_rev') ?? []
  const isListing = isFullEntry !== true && !hasWildcard(own) && own.length <= MAX_LISTED_FIELDS
  const base = defaults ?? (isListing ? ['*'] : [])
  const chosen = [...new Set([...base, ...(named ?? []), ...edges])]
  const isWhole = hasWildcard(chosen)
  const read = isWhole ? chosen : [...new Set([...chosen, ...mappedFields(mapping, side)])]
  return { scan: named && isListing ? named : read, read, isWhole }
}

/** A projection without a mapped field would clear it at the target. */
const mappedFields = ({ properties, incremental }: Mapping, side: 'source' | 'target'): string[] => [
  ...properties.flatMap((property) => (isRelationship(property) ? [] : (property[side]?.[0] ?? []))),
  ...(side === 'source' && incremental ? incremental.changedField.slice(0, 1) : []),
]

/** Remotes show relationships only where they are asked for by name. */
const relationshipFields = ({ properties }: Mapping, side: 'source' | 'target'): string[] =>
  properties.flatMap((property) => (property.relationship?.paged === false ? (property[side]?.[0] ?? []) : []))

function namesIn(fields: Json | undefined): string[] | undefined {
  const list = typeof fields === 'string' ? fields.split(',') : fields
  if (!Array.isArray(list)) return undefined
  const names = list.map((name) => String(name).trim()).filter((name) => name !== '')
  return names.length > 0 ? names : undefined
}

const hasWildcard = (names: readonly string[]): boolean => names.includes('*')

/** Whether an entry of a page is the complete object. One with nothing but its identity never is. */
export function isFullEntry(entry: JsonObject, mapping: Mapping, side: 'source' | 'target'): boolean {
  const [query, configured] =
    side === 'source'
      ? [mapping.sourceQuery, mapping.sourceQueryFullEntry]
      : [mapping.targetQuery, mapping.targetQueryFullEntry]
  let fields = 0
  for (const name in entry) if (name !== '_id' && name !== '_rev' && ++fields > MAX_LISTED_FIELDS) break
  if (fields === 0) return false
  if (configured !== undefined) return configured
  const isByFilter = !query || query.params._queryFilter !== undefined
  return fields > MAX_LISTED_FIELDS || (isByFilter && !namesIn(query?.params._fields))
}
