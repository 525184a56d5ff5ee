import type { Json } from '../../contract.ts'
import { badRequest } from '../../crest/errors.ts'
import { evaluable } from '../../crest/filter/evaluate.ts'
import type { QueryFilter } from '../../crest/filter/query-filter.ts'
import type { Pointer } from '../../crest/pointer.ts'
import type { QueryRequest } from '../../crest/protocol/request.ts'
import type { ManagedType } from './type.ts'

type Parameters = Readonly<Record<string, Json>>
type StoredQuery = (parameters: Parameters) => QueryFilter

const ALL: QueryFilter = { operator: 'literal', value: true }
const NOTHING: QueryFilter = { operator: 'literal', value: false }

/** Stored queries by `_queryId`. */
const STORED_QUERIES: ReadonlyMap<string, StoredQuery> = new Map<string, StoredQuery>([
  ['query-all', () => ALL],
  ['query-all-ids', () => ALL],
  ['for-userName', ({ uid }) => ({ operator: 'eq', field: ['userName'], value: required('uid', uid) })],
])

function required(name: string, value: Json | undefined): string {
  if (typeof value === 'string') return value
  throw badRequest(`The query requires the parameter '${name}'`)
}

/** The fields of `query-all-ids`. */
const ID_ONLY: readonly Pointer[] = [['_id']]

/**
 * Translates a request for the repository: stored queries become filters, and conditions on private properties match
 * nothing, so that hashes cannot be probed.
 * @throws badRequest for an unknown query id, or an operator not supported for managed objects
 */
export function storedQuery(type: ManagedType, request: QueryRequest): QueryRequest {
  const { queryId, ...rest } = request
  const filter = queryId === undefined ? request.queryFilter : filterOf(queryId, request.additionalParameters)
  const fields = queryId === 'query-all-ids' && request.fields.length === 0 ? ID_ONLY : request.fields
  const sortKeys = request.sortKeys.filter(({ field }) => !isPrivate(type, field))
  return { ...rest, fields, sortKeys, ...(filter && { queryFilter: withoutPrivate(type, evaluable(filter)) }) }
}

function filterOf(queryId: string, parameters: Parameters): QueryFilter {
  const query = STORED_QUERIES.get(queryId)
  if (!query) throw badRequest(`Unknown query '${queryId}': must be one of ${[...STORED_QUERIES.keys()].join(', ')}`)
  return query(parameters)
}

const isPrivate = (type: ManagedType, [name]: Pointer): boolean => name !== undefined && type.privates.has(name)

/** Evaluates conditions on private properties as if those were absent. */
function withoutPrivate(type: ManagedType, filter: QueryFilter): QueryFilter {
  switch (filter.operator) {
    case 'literal':
      return filter
    case 'and':
    case 'or':
      return { ...filter, filters: filter.filters.map((operand) => withoutPrivate(type, operand)) }
    case 'not':
      return { ...filter, filter: withoutPrivate(type, filter.filter) }
    default:
      return isPrivate(type, filter.field) ? NOTHING : filter
  }
}

/** Finds at most two objects with this value. */
export const byProperty = (property: string, value: string | number | boolean): QueryRequest => ({
  method: 'query',
  resourcePath: '',
  fields: [],
  additionalParameters: {},
  queryFilter: { operator: 'eq', field: [property], value },
  sortKeys: [],
  pageSize: 2,
  pagedResultsCookie: null,
  pagedResultsOffset: 0,
  totalPagedResultsPolicy: 'NONE',
})
