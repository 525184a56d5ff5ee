import type { JsonObject } from '../../contract.ts'
import { badRequest } from '../errors.ts'
import { evaluable, matches } from '../filter/evaluate.ts'
import { decodeCookie, encodeCookie, type SortValues } from './page-cookie.ts'
import { representResource } from './represent.ts'
import type { QueryRequest, QueryResult, Resource, SortKey } from './request.ts'
import { compareSortValues, sortValue } from './sort.ts'

interface Candidate {
  readonly resource: Resource
  readonly values: SortValues
}

/**
 * Answers a query over objects in memory: filters, sorts, and returns one page. A page starts after the sort values of the
 * last object, not after its position, so that no object is skipped or repeated when others are added or deleted.
 * @throws badRequest for a query by id or expression, or an invalid cookie
 */
export function queryInMemory(objects: Iterable<Resource>, request: QueryRequest): QueryResult {
  const found = candidates(objects, request)
  const start = startOf(found, request)
  const page = request.pageSize > 0 ? found.slice(start, start + request.pageSize) : found.slice(start)
  const last = page.at(-1)
  const more = start + page.length < found.length
  const counts = request.pageSize > 0 && request.totalPagedResultsPolicy !== 'NONE'
  return {
    result: page.map(({ resource }) => resource),
    pagedResultsCookie: last && more ? encodeCookie(keysOf(request), last.values) : null,
    totalPagedResultsPolicy: counts ? 'EXACT' : 'NONE',
    totalPagedResults: counts ? found.length : -1,
    remainingPagedResults: -1,
  }
}

const ID: SortKey = { field: ['_id'], ascending: true }

/** The id makes the order total; otherwise two pages could share an object. */
const keysOf = ({ sortKeys }: QueryRequest): readonly SortKey[] => [...sortKeys, ID]

function candidates(objects: Iterable<Resource>, request: QueryRequest): Candidate[] {
  const { queryFilter } = request
  if (!queryFilter) throw badRequest('This resource is queried with _queryFilter only')
  evaluable(queryFilter)
  const keys = keysOf(request)
  const found: Candidate[] = []
  for (const resource of objects) {
    const object: JsonObject = representResource(resource)
    if (!matches(queryFilter, object)) continue
    found.push({ resource, values: keys.map(({ field }) => sortValue(object, field)) })
  }
  const ordered = request.sortKeys.length > 0 || request.pageSize > 0
  return ordered ? found.sort((left, right) => compareExactly(keys, left.values, right.values)) : found
}

/** Ids that differ only in case are equal in a comparison, but belong to different objects. */
function compareExactly(keys: readonly SortKey[], left: SortValues, right: SortValues): number {
  const order = compareSortValues(keys, left, right)
  if (order !== 0) return order
  const [leftId, rightId] = [String(left.at(-1)), String(right.at(-1))]
  return leftId < rightId ? -1 : Number(leftId > rightId)
}

function startOf(found: readonly Candidate[], request: QueryRequest): number {
  if (request.pagedResultsCookie === null) return request.pagedResultsOffset
  const keys = keysOf(request)
  const after = decodeCookie(keys, request.pagedResultsCookie)
  const start = found.findIndex(({ values }) => compareExactly(keys, values, after) > 0)
  return start < 0 ? found.length : start
}
