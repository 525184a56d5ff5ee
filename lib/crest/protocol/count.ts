import { badRequest } from '../errors.ts'
import type { QueryRequest, RequestContext } from './request.ts'
import type { RequestParameters } from './request-parameters.ts'
import type { ResourceRouter } from './router.ts'

/**
 * Whether a query asks only for the number of its results.
 * @throws badRequest for a value that is neither true nor false
 */
export function isCountOnly(parameters: RequestParameters): boolean {
  const text = (parameters.get('_countOnly') ?? 'false').toLowerCase()
  if (text === 'true' || text === 'false') return text === 'true'
  throw badRequest("The value for parameter '_countOnly' must be true or false")
}

/** The number of objects on all pages of a query. */
export async function countResults(
  router: ResourceRouter,
  request: QueryRequest,
  context: RequestContext,
): Promise<number> {
  const all = { ...request, fields: [['_id']], pagedResultsCookie: null, pagedResultsOffset: 0 }
  const first = await router.handle({ ...all, pageSize: 1, totalPagedResultsPolicy: 'EXACT' }, context)
  if (first.totalPagedResults >= 0) return first.totalPagedResults
  // Some handlers do not count, such as scripts.
  return (await router.handle({ ...all, pageSize: 0 }, context)).result.length
}
