import type { JsonObject } from '../../contract.ts'
import { ResourceException } from '../../crest/errors.ts'
import type { QueryRequest, QueryResult, Resource } from '../../crest/protocol/request.ts'
import type { WriteEvents } from '../queue/event.ts'

/** A stored resource always has a revision. */
export interface StoredObject extends Resource {
  readonly revision: string
}

export interface TypeOptions {
  /** Properties (pointers such as `userName`) that filters and sort keys name often; `_id` is always one. */
  readonly indexes?: readonly string[]
  /** Properties of which no two objects have the same value, apart from case; they are indexed too. */
  readonly unique?: readonly string[]
}

/**
 * The stored objects of one type. Each write is atomic, with the events that are given with it, and has reached the disk
 * when it resolves. Methods reject with the ResourceException that a resource answers with.
 */
export interface ObjectStore {
  find(id: string): Promise<StoredObject | undefined>
  /** @throws notFound, and preconditionFailed when `revision` is given and not the current one */
  get(id: string, revision?: string | null): Promise<StoredObject>
  /**
   * @param id null lets the store make a UUID
   * @throws preconditionFailed when the id is taken, UniqueViolation
   */
  insert(id: string | null, content: JsonObject, options?: WriteEvents): Promise<StoredObject>
  /** @throws notFound, preconditionFailed when `revision` is given and not the current one, UniqueViolation */
  replace(id: string, revision: string | null, content: JsonObject, options?: WriteEvents): Promise<StoredObject>
  /** @throws notFound, and preconditionFailed when `revision` is given and not the current one */
  remove(id: string, revision: string | null, options?: WriteEvents): Promise<StoredObject>
  /** @throws badRequest for a query by id or expression, or an invalid cookie */
  query(request: QueryRequest, signal?: AbortSignal): Promise<QueryResult>
}

/**
 * Replaces an object by what `next` makes of its current content; when that is the very content it got, nothing is
 * written and the revision stays. `next` is called again when another write came in between.
 * @throws what `ObjectStore.replace` throws
 */
export async function changeObject(
  store: Pick<ObjectStore, 'get' | 'replace'>,
  id: string,
  revision: string | null,
  next: (current: StoredObject) => JsonObject,
): Promise<StoredObject> {
  // Each conflict means that another write succeeded, so this ends.
  for (;;) {
    const stored = await store.get(id, revision)
    const content = next(stored)
    if (content === stored.content) return stored
    try {
      return await store.replace(id, stored.revision, content)
    } catch (error) {
      const isStale = error instanceof ResourceException && error.code === 412
      if (!isStale || revision !== null) throw error
    }
  }
}
