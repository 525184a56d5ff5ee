import type { Json } from '../../lib/contract.ts'
import type { QueryRequest, QueryResult } from '../../lib/crest/protocol/request.ts'
import { RequestParameters } from '../../lib/crest/protocol/request-parameters.ts'
import type { ObjectStore } from '../../lib/repo/objects/object-store.ts'

/** A request as its parameters ask for it; all objects unless there is a `_queryFilter`. */
export const queryOf = (params: Record<string, Json> = {}): QueryRequest => ({
  method: 'query',
  resourcePath: '',
  fields: [],
  additionalParameters: {},
  ...RequestParameters.ofObject({ _queryFilter: 'true', ...params }).query,
})

/** The pages of a query, one after the other. */
export async function* pagesOf(
  store: ObjectStore,
  request: QueryRequest,
): AsyncGenerator<QueryResult, void, undefined> {
  let pagedResultsCookie: string | null = null
  do {
    const page: QueryResult = await store.query({ ...request, pagedResultsCookie })
    yield page
    pagedResultsCookie = page.pagedResultsCookie
  } while (pagedResultsCookie !== null)
}

export async function idsOf(store: ObjectStore, params: Record<string, Json> = {}): Promise<string[]> {
  const { result } = await store.query(queryOf(params))
  return result.map(({ id }) => id)
}
