import type { JsonObject } from '../../contract.ts'
import type { QueryFilter } from '../../crest/filter/query-filter.ts'
import type { QueryRequest, QueryResult, Resource } from '../../crest/protocol/request.ts'
import type { DeadLetter, QueuedEvent, StoredEvent } from '../../repo/queue/event.ts'
import type { EventSelection } from '../../repo/queue/event-store.ts'
import { NOTIFY_ACTIONS } from '../live/change.ts'
import { remainingRetries } from '../live/queue/decisions.ts'
import type { PrivateFields } from '../mapping/private-fields.ts'
import { maskedObject } from './entries.ts'
import { queryStream, type Streamed } from './query-stream.ts'

/** Hides the private fields of sources. */
export type Hidden = Pick<PrivateFields, 'ofCollection'>

/** @param maxRetries of the mapping */
export function queuedResource(event: QueuedEvent, maxRetries: number, hidden: Hidden): Resource {
  const { state, nodeId, notBefore, attempts } = event
  const content = {
    ...shared(event, hidden),
    ...{ state, nodeId, remainingRetries: remainingRetries(attempts, maxRetries) },
    nextAttempt: notBefore === 0 || state === 'ACQUIRED' ? null : new Date(notBefore).toISOString(),
    lastError: event.lastError,
  }
  return { id: event.id, revision: '0', content }
}

export const deadLetterResource = (letter: DeadLetter, hidden: Hidden): Resource => ({
  id: letter.id,
  revision: '0',
  content: { ...shared(letter, hidden), endDate: letter.endDate, failureCause: letter.lastError },
})

function shared(event: StoredEvent, hidden: Hidden): JsonObject {
  const { mapping, collection, resourceId, action, createDate, objectRev, oldObject, newObject, attempts } = event
  const secrets = hidden.ofCollection(collection)
  return {
    mapping,
    resourceCollection: collection,
    resourceId,
    syncAction: NOTIFY_ACTIONS[action],
    createDate,
    objectRev,
    oldObject: maskedObject(oldObject, secrets),
    newObject: maskedObject(newObject, secrets),
    attempts,
    transactionId: event.transactionId,
    userId: event.userId,
  }
}

/** Events that are read from the database at a time. */
const PAGE = 200

/** Answers a query page by page from the database. */
export const queryEvents = <Event extends StoredEvent>(
  request: QueryRequest,
  page: (after: string | null, limit: number) => Promise<Event[]>,
  show: (event: Event) => Resource,
): Promise<QueryResult> =>
  queryStream(request, async function* (after): AsyncGenerator<Streamed> {
    for (let last = after; ; ) {
      const events = await page(last, PAGE)
      for (const event of events) yield { cookie: event.id, resource: show(event) }
      last = events.at(-1)?.id ?? null
      if (events.length < PAGE) return
    }
  })

/**
 * What all matches have in common. A filter knows no case, and the database does.
 * @param mappings the names that there are
 * @returns undefined = nothing matches
 */
export function narrowing(filter: QueryFilter | undefined, mappings: readonly string[]): EventSelection | undefined {
  if (filter?.operator === 'and') {
    let all: EventSelection | undefined = {}
    for (const one of filter.filters) {
      const own = narrowing(one, mappings)
      all = all && own && { ...all, ...own }
    }
    return all
  }
  if (filter?.operator !== 'eq' || typeof filter.value !== 'string' || filter.field.length !== 1) return {}
  const { value } = filter
  const [field] = filter.field
  if (field === 'mapping') {
    const same = mappings.filter((name) => name.toLowerCase() === value.toLowerCase())
    return same.length === 0 ? undefined : same.length === 1 ? { mapping: same[0] } : {}
  }
  const state = (['PENDING', 'ACQUIRED'] as const).find((name) => name === value.toUpperCase())
  if (field === 'state') return state && { state }
  return field === 'resourceId' && !/\p{L}/u.test(value) ? { resourceId: value } : {}
}
