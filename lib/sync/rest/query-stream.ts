import { badRequest } from '../../crest/errors.ts'
import { evaluable, matches } from '../../crest/filter/evaluate.ts'
import { queryInMemory } from '../../crest/protocol/page.ts'
import { representResource } from '../../crest/protocol/represent.ts'
import type { QueryRequest, QueryResult, Resource } from '../../crest/protocol/request.ts'

/** One resource of a stream, and the cookie to continue after it. */
export interface Streamed {
  readonly cookie: string
  readonly resource: Resource
}

/**
 * Answers a query over more resources than memory should hold, page by page in the order of the stream. Sorting,
 * counting or unpaged queries read everything.
 * @param stream the resources after a cookie; null = from the beginning
 * @throws badRequest for a query by id or expression
 */
export async function queryStream(
  request: QueryRequest,
  stream: (after: string | null) => AsyncIterable<Streamed>,
): Promise<QueryResult> {
  const { queryFilter: filter, pageSize, sortKeys, pagedResultsOffset, totalPagedResultsPolicy: policy } = request
  if (!filter) throw badRequest('This resource is queried with _queryFilter only')
  evaluable(filter)
  const needsAll = sortKeys.length > 0 || pageSize === 0 || pagedResultsOffset > 0 || policy !== 'NONE'
  const found: Streamed[] = []
  for await (const entry of stream(needsAll ? null : request.pagedResultsCookie)) {
    if (!matches(filter, representResource(entry.resource))) continue
    found.push(entry)
    if (!needsAll && found.length > pageSize) break
  }
  if (needsAll)
    return queryInMemory(
      found.map(({ resource }) => resource),
      request,
    )
  const page = found.slice(0, pageSize)
  return {
    result: page.map(({ resource }) => resource),
    pagedResultsCookie: found.length > pageSize ? (page.at(-1)?.cookie ?? null) : null,
    totalPagedResultsPolicy: 'NONE',
    totalPagedResults: -1,
    remainingPagedResults: -1,
  }
}
