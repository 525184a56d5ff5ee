import type { JsonObject } from '../contract.ts'
import type { MappingQuery } from './query-schema.ts'

/**
 * Whether an entry of a query is the whole object (40-sync.md, section 6). A query by filter that names no fields brings
 * whole objects, however small; of any other the entry itself tells: more than two fields are taken for all of them.
 */
export function isFullEntry(
  entry: JsonObject,
  query: MappingQuery | undefined,
  configured: boolean | undefined,
): boolean {
  if (configured !== undefined) return configured
  if (!query || (query.params._queryFilter !== undefined && !query.params._fields)) return true
  return Object.keys(entry).filter((name) => name !== '_id' && name !== '_rev').length > 2
}

/** Whether a query brings every object there is. */
export const isUnrestricted = (query: MappingQuery | undefined): boolean =>
  !query || (query.resourceName === undefined && String(query.params._queryFilter).trim() === 'true')
