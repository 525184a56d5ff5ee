import { setImmediate as turn } from 'node:timers/promises'
import { badRequest } from '../../../crest/errors.ts'
import type { QueryRequest, QueryResult } from '../../../crest/protocol/request.ts'
import type { Database } from '../database/tables.ts'
import { type AskFilter, askingFilters } from './asked-filters.ts'
import { type ObjectRow, objectOf, selectObjects, storedObjectOf } from './object-row.ts'
import { type Found, ObjectSearch } from './object-search.ts'
import { Ordering } from './ordering.ts'

export interface QueryOptions {
  /** How many objects are looked at in one go. */
  readonly window: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Answers a query of the objects of `type` as queryInMemory does of objects in memory.
 * @throws badRequest for a query by id or expression, or a cookie that is none of ours
 */
export const queryObjects = (
  database: Database,
  type: string,
  request: QueryRequest,
  options: QueryOptions,
): Promise<QueryResult> => askingFilters((ask) => answer(database, type, request, { ...options, ask }))

async function answer(
  database: Database,
  type: string,
  request: QueryRequest,
  { window, signal, ask }: QueryOptions & { ask: AskFilter },
): Promise<QueryResult> {
  const { queryFilter: filter, sortKeys, pageSize, pagedResultsOffset: offset, pagedResultsCookie: cookie } = request
  if (!filter) throw badRequest('This resource is queried with _queryFilter only')
  const order = new Ordering(sortKeys)
  const after = cookie === null ? undefined : order.placeOf(cookie)
  const isOrdered = sortKeys.length > 0 || pageSize > 0
  const search = await ObjectSearch.start(database, {
    type,
    filter,
    ask,
    ordering: isOrdered ? order : undefined,
    window,
    signal,
  })
  const end = pageSize > 0 ? offset + pageSize : Number.POSITIVE_INFINITY
  const found = await search.first(end + 1, after)
  const page = found.slice(offset, end)
  const rows = await rowsOf(database, page, window, signal)
  const last = found.length > end ? lastUnchanged(page, rows) : undefined
  const counts = pageSize > 0 && request.totalPagedResultsPolicy !== 'NONE'
  return {
    result: rows.map(storedObjectOf),
    pagedResultsCookie: last ? order.cookieOf(objectOf(last)) : null,
    totalPagedResultsPolicy: counts ? 'EXACT' : 'NONE',
    totalPagedResults: counts ? await search.count() : -1,
    remainingPagedResults: -1,
  }
}

async function rowsOf(
  database: Database,
  page: readonly Found[],
  window: number,
  signal?: AbortSignal,
): Promise<ObjectRow[]> {
  const rows: ObjectRow[] = []
  for (let start = 0; start < page.length; start += window) {
    if (start > 0) await turn(undefined, { signal })
    const keys = page.slice(start, start + window).map(({ key }) => key)
    rows.push(...(await selectObjects(database, keys)))
  }
  return rows
}

/**
 * The object behind which the next page starts. One that was written between being found and being read may have
 * another place now; to go on from there could leave others out.
 */
function lastUnchanged(page: readonly Found[], rows: readonly ObjectRow[]): ObjectRow | undefined {
  const revisions = new Map(page.map(({ key, revision }) => [key, revision]))
  return rows.findLast(({ key, revision }) => revisions.get(key) === revision) ?? rows.at(-1)
}
