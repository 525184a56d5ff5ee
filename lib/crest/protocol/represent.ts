import type { Json, JsonObject } from '../../contract.ts'
import type { QueryResult, Resource } from './request.ts'

/** A resource as callers see it: `_id` and `_rev` first; no `_rev` without a revision. */
export function representResource({ id, revision, content }: Resource): JsonObject {
  if (isRepresented(content, id, revision)) return content
  // Few objects have them, and removing them takes longer than a copy.
  const own = '_id' in content || '_rev' in content ? withoutIdentity(content) : content
  return revision === null ? { _id: id, ...own } : { _id: id, _rev: revision, ...own }
}

/** Whether an object already is as callers should see it, as those of remotes are: it can be passed on. */
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

/** The answer to a query, always with these six members. */
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

/** Content for a handler: the identity is in the request, not in the object. */
export function withoutIdentity(object: JsonObject): JsonObject {
  const { _id, _rev, ...content } = object
  return content
}

/** The id that a client chose inside the object it creates. */
export function ownId(object: JsonObject): string | null {
  const id: Json | undefined = object._id
  return typeof id === 'string' && id !== '' ? id : null
}
