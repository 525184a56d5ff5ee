import { setImmediate as turn } from 'node:timers/promises'
import { badRequest } from '../crest/errors.ts'
import type { QueryRequest, QueryResult } from '../crest/request.ts'
import { type ObjectRow, objectOf, selectObjects, storedObjectOf } from './object-row.ts'
import { type Found, ObjectSearch } from './object-search.ts'
import { Ordering } from './ordering.ts'
import type { Database } from './tables.ts'

/**
 * Answers a query of the objects of `type` as queryInMemory does of objects in memory.
 * @throws badRequest for a query by id or expression, or a cookie that is none of ours
 */
export async function queryObjects(
  database: Database,
  type: string,
  request: QueryRequest,
  signal?: AbortSignal,
): Promise<QueryResult> {
  const { queryFilter: filter, sortKeys, pageSize, pagedResultsOffset: offset, pagedResultsCookie: cookie } = request
  if (!filter) throw badRequest('This resource is queried with _queryFilter only')
  const order = new Ordering(sortKeys)
  const after = cookie === null ? undefined : order.placeOf(cookie)
  const isOrdered = sortKeys.length > 0 || pageSize > 0
  const search = await ObjectSearch.start(database, { type, filter, ordering: isOrdered ? order : undefined, signal })
  const end = pageSize > 0 ? offset + pageSize : Number.POSITIVE_INFINITY
  const found = await search.first(end + 1, after)
  const rows = await rowsOf(database, found.slice(offset, end), signal)
  const last = found.length > end ? rows.at(-1) : undefined
  const counts = pageSize > 0 && request.totalPagedResultsPolicy !== 'NONE'
  return {
    result: rows.map(storedObjectOf),
    pagedResultsCookie: last ? order.cookieOf(objectOf(last)) : null,
    totalPagedResultsPolicy: counts ? 'EXACT' : 'NONE',
    totalPagedResults: counts ? await search.count() : -1,
    remainingPagedResults: -1,
  }
}

const ROWS_AT_ONCE = 1000

async function rowsOf(database: Database, found: readonly Found[], signal?: AbortSignal): Promise<ObjectRow[]> {
  const rows: ObjectRow[] = []
  for (let start = 0; start < found.length; start += ROWS_AT_ONCE) {
    if (start > 0) await turn(undefined, { signal })
    rows.push(
      ...(await selectObjects(
        database,
        found.slice(start, start + ROWS_AT_ONCE).map(({ key }) => key),
      )),
    )
  }
  return rows
}
