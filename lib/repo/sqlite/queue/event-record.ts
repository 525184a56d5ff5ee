import type { EventAction, NewEvent } from '../../queue/event.ts'

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
})
