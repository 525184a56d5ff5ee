/** The stored queries over `audit/recon` that IDM comes with, as filters. */
import type { Json } from '../../contract.ts'
import { badRequest } from '../../crest/errors.ts'
import type { QueryFilter } from '../../crest/filter/query-filter.ts'
import type { QueryRequest } from '../../crest/protocol/request.ts'

/** A field of an entry, and the parameter that names its value. */
type Condition = readonly [field: string, parameter: string]

const RECON: Condition = ['reconId', 'reconId']
const MAPPING: Condition = ['mapping', 'mappingName']

const QUERIES: ReadonlyMap<string, readonly Condition[]> = new Map([
  ['query-all', []],
  ['query-all-ids', []],
  ['audit-by-mapping', [MAPPING]],
  ['audit-by-recon-id', [RECON]],
  ['audit-by-recon-id-situation', [RECON, ['situation', 'situation']]],
  ['audit-by-recon-id-type', [RECON, ['entryType', 'entryType']]],
  // Of the entries of all runs of the mapping, those of the last one.
  ['audit-last-recon-for-mapping', [MAPPING]],
])

/**
 * @param lastRunOf the id of the last run of a mapping
 * @returns the request with a filter in place of its query id
 * @throws ResourceException 400 for a query that is not known, or a parameter that is missing
 */
export function storedAuditQuery(
  request: QueryRequest,
  lastRunOf: (mapping: string) => string | undefined,
): QueryRequest {
  const { queryId, additionalParameters, ...rest } = request
  if (queryId === undefined) return request
  const conditions = QUERIES.get(queryId)
  if (!conditions) throw badRequest(`The query '${queryId}' is none of ${[...QUERIES.keys()].join(', ')}`)
  const filters = conditions.map(([field, parameter]) =>
    equal(field, required(parameter, additionalParameters[parameter])),
  )
  if (queryId === 'audit-last-recon-for-mapping') {
    filters.push(equal('reconId', lastRunOf(String(additionalParameters.mappingName)) ?? ''))
  }
  const fields = queryId === 'query-all-ids' && rest.fields.length === 0 ? [['_id']] : rest.fields
  return { ...rest, additionalParameters: {}, fields, queryFilter: { operator: 'and', filters } }
}

const equal = (field: string, value: string): QueryFilter => ({ operator: 'eq', field: [field], value })

function required(name: string, value: Json | undefined): string {
  if (typeof value === 'string' && value !== '') return value
  throw badRequest(`The query needs the parameter '${name}'`)
}
