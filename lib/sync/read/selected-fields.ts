import type { Json, JsonObject } from '../../contract.ts'
import type { Mapping } from '../mapping/mapping.ts'

/** Which fields one side of a mapping asks for; undefined = what the resource shows by default. */
export interface SelectedFields {
  /** In the query of the mapping. */
  readonly scan: readonly string[] | undefined
  /** In every other read: by id, to correlate, after a conflict, and in the answer to a write. */
  readonly read: readonly string[] | undefined
  /** Whether a read brings every field by which filters may judge an object. */
  readonly isWhole: boolean
}

/** A query that names no more fields than these lists objects, which are then read by id. */
const MAX_LISTED_FIELDS = 2

/**
 * The one description of the fields of a side: what the scan asks for, every other read asks for too, else a field that
 * only the scan brought would look empty later. A query for ids only is followed by reads of whole objects.
 */
export function selectedFields(mapping: Mapping, side: 'source' | 'target'): SelectedFields {
  const isSource = side === 'source'
  const query = isSource ? mapping.sourceQuery : mapping.targetQuery
  const isFullEntry = isSource ? mapping.sourceQueryFullEntry : mapping.targetQueryFullEntry
  const defaults = isSource ? mapping.defaultSourceFields : mapping.defaultTargetFields
  const named = namesIn(query?.params._fields)
  if (!named && !defaults) return { scan: undefined, read: undefined, isWhole: true }
  const own = named?.filter((name) => name !== '_id' && name !== '_rev') ?? []
  const isListing = isFullEntry !== true && !hasWildcard(own) && own.length <= MAX_LISTED_FIELDS
  const base = defaults ?? (isListing ? ['*'] : [])
  const chosen = [...new Set([...base, ...(named ?? [])])]
  const isWhole = hasWildcard(chosen)
  const read = isWhole ? chosen : [...new Set([...chosen, ...mappedFields(mapping, side)])]
  return { scan: named && isListing ? named : read, read, isWhole }
}

/** A projection that left out a mapped field would have it set to nothing at the target. */
const mappedFields = ({ properties }: Mapping, side: 'source' | 'target'): string[] =>
  properties.flatMap((property) => property[side]?.[0] ?? [])

function namesIn(fields: Json | undefined): string[] | undefined {
  const list = typeof fields === 'string' ? fields.split(',') : fields
  if (!Array.isArray(list)) return undefined
  const names = list.map((name) => String(name).trim()).filter((name) => name !== '')
  return names.length > 0 ? names : undefined
}

const hasWildcard = (names: readonly string[]): boolean => names.includes('*')

/**
 * Whether an entry of a page is the whole object. One that brings nothing but its identity never is: its fields would
 * count as empty.
 */
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
