import type { EventAction, NewEvent } from '../../queue/event.ts'
import type { EventRow } from './event-row.ts'

/** A new event on its way to the thread: objects are JSON text. */
export interface NewEventRecord {
  readonly mapping: string
  readonly collection: string
  readonly resource: string
  readonly action: EventAction
  readonly revision: string | null
  readonly before: string | null
  readonly after: string | null
  /** JSON list. */
  readonly chain: string
  readonly transaction: string | null
  readonly user: string | null
  readonly claim: string | null
}

export const eventRecord = (event: NewEvent): NewEventRecord => ({
  mapping: event.mapping,
  collection: event.collection,
  resource: event.resourceId,
  action: event.action,
  revision: event.objectRev,
  before: event.oldObject && JSON.stringify(event.oldObject),
  after: event.newObject && JSON.stringify(event.newObject),
  chain: JSON.stringify(event.chain),
  transaction: event.transactionId,
  user: event.userId,
  claim: event.claim ?? null,
})

export interface EventKeyRecord {
  readonly key: number
  readonly mapping: string
  readonly resource: string
}

/** An event with what is JSON as text. */
export type EventRecord = Omit<EventRow, 'old_object' | 'new_object' | 'last_error'> & {
  readonly old_object: string | null
  readonly new_object: string | null
  readonly last_error: string | null
  /** Why the three cannot be decrypted. */
  readonly fault: string | null
}

export interface OutcomeRecord extends EventKeyRecord {
  /** Who has taken the event. */
  readonly node: string | null
  readonly result: 'done' | 'retry' | 'dead'
  readonly notBefore: number
  readonly attempts: number
  /** JSON. */
  readonly error: string | null
}
