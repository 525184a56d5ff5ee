import type { Json, JsonObject } from '../../contract.ts'
import type { QueryResult, Resource } from './request.ts'

/** A resource as callers see it: `_id` and `_rev` first; without revision no `_rev`. */
export function representResource({ id, revision, content }: Resource): JsonObject {
  if (isRepresented(content, id, revision)) return content
  // Hardly any has them, and leaving them out takes longer than a copy.
  const own = '_id' in content || '_rev' in content ? withoutIdentity(content) : content
  return revision === null ? { _id: id, ...own } : { _id: id, _rev: revision, ...own }
}

/** Whether an object is what callers are to see, as a remote has sent it: it need not be taken apart and put together. */
export function isRepresented(object: JsonObject, id: string, revision: string | null): boolean {
  if (object._id !== id || (revision === null ? '_rev' in object : object._rev !== revision)) return false
  let place = 0
  for (const name in object) {
    if (name !== (place === 0 ? '_id' : '_rev')) return false
    place += 1
    if (place === 2 || revision === null) return true
  }
  return false
}

/** The answer to a query: always these six members. */
export interface QueryResponse {
  readonly result: JsonObject[]
  readonly resultCount: number
  readonly pagedResultsCookie: string | null
  readonly totalPagedResultsPolicy: string
  readonly totalPagedResults: number
  readonly remainingPagedResults: number
}

export const representQuery = (answer: QueryResult): QueryResponse => ({
  result: answer.result.map(representResource),
  resultCount: answer.result.length,
  pagedResultsCookie: answer.pagedResultsCookie,
  totalPagedResultsPolicy: answer.totalPagedResultsPolicy,
  totalPagedResults: answer.totalPagedResults,
  remainingPagedResults: answer.remainingPagedResults,
})

/** Content as a handler wants it: identity travels in the request, not in the object. */
export function withoutIdentity(object: JsonObject): JsonObject {
  const { _id, _rev, ...content } = object
  return content
}

/** The id that a client chose inside the object it creates. */
export function ownId(object: JsonObject): string | null {
  const id: Json | undefined = object._id
  return typeof id === 'string' && id !== '' ? id : null
}
