import { setImmediate as turn } from 'node:timers/promises'
import { parseStoredJson } from '../../../core/json.ts'
import type { QueryFilter } from '../../../crest/filter/query-filter.ts'
import type { QueryRequest } from '../../../crest/protocol/request.ts'
import type { Database } from '../statements/database.ts'
import type { Examine, Found } from './examination.ts'
import { type ObjectRow, objectOf, selectObjects } from './object-row.ts'
import { ObjectSearch } from './object-search.ts'
import { Ordering, type Place } from './ordering.ts'

export interface QueryOptions {
  readonly db: Database
  readonly examine: Examine
  /** How many objects are looked at in one go. */
  readonly window: number
  readonly signal?: AbortSignal | undefined
}

/** The parts of a request that this answers. */
export type QueryText = Pick<
  QueryRequest,
  'sortKeys' | 'pageSize' | 'pagedResultsOffset' | 'pagedResultsCookie' | 'totalPagedResultsPolicy'
> & { readonly queryFilter: QueryFilter }

export interface QueryAnswer {
  /** The first objects of the page, a window at most. */
  readonly rows: ObjectRow[]
  /** The keys of the others. */
  readonly rest: number[]
  readonly cookie: string | null
  /** -1 = not asked for. */
  readonly total: number
}

/**
 * Answers a query of the objects of `type` as queryInMemory does of objects in memory.
 * @param text JSON of a QueryText
 * @throws badRequest for an invalid cookie
 */
export async function queryObjects(type: string, text: string, options: QueryOptions): Promise<QueryAnswer> {
  const query = parseStoredJson(text) as unknown as QueryText
  const { queryFilter: filter, sortKeys, pageSize, pagedResultsCookie: cookie } = query
  const order = new Ordering(sortKeys)
  const after = cookie === null ? undefined : order.placeOf(cookie)
  const ordering = sortKeys.length > 0 || pageSize > 0 ? order : undefined
  const search = await ObjectSearch.start({ ...options, type, filter, ordering })
  try {
    return await answer(search, query, { order, after }, options)
  } finally {
    search.end()
  }
}

async function answer(
  search: ObjectSearch,
  query: QueryText,
  { order, after }: { readonly order: Ordering; readonly after: Place | undefined },
  { db, window }: QueryOptions,
): Promise<QueryAnswer> {
  const { pageSize, pagedResultsOffset: offset } = query
  const end = pageSize > 0 ? offset + pageSize : Number.POSITIVE_INFINITY
  const found = await search.first(end + 1, after)
  const page = found.slice(offset, end)
  const rows = await db.run(selectObjects(db.dialect, keysOf(page.slice(0, window))))
  const last = found.length > end ? await lastUnchanged(db, page, rows, window) : undefined
  const counts = pageSize > 0 && query.totalPagedResultsPolicy !== 'NONE'
  return {
    rows,
    rest: keysOf(page.slice(window)),
    cookie: last ? order.cookieOf(objectOf(last)) : null,
    total: counts ? await search.count() : -1,
  }
}

const keysOf = (found: readonly Found[]): number[] => found.map(({ key }) => key)

/**
 * The object after which the next page starts. One that was written between being found and being read may have another
 * place now; to go on from there could leave others out.
 */
async function lastUnchanged(
  db: Database,
  page: readonly Found[],
  first: readonly ObjectRow[],
  window: number,
): Promise<ObjectRow | undefined> {
  const revisions = new Map(page.map(({ key, revision }) => [key, revision]))
  const isUnchanged = ({ key, revision }: ObjectRow) => revisions.get(key) === revision
  let last: ObjectRow | undefined
  for (let start = Math.floor((page.length - 1) / window) * window; start >= 0; start -= window) {
    const keys = keysOf(page.slice(start, start + window))
    const rows = start === 0 ? first : await db.run(selectObjects(db.dialect, keys))
    const found = rows.findLast(isUnchanged)
    if (found) return found
    last ??= rows.at(-1)
    await turn()
  }
  return last
}
