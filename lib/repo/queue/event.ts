import type { JsonObject } from '../../contract.ts'
import type { Intent } from '../runs/run-row.ts'

export const EVENT_ACTIONS = ['create', 'update', 'delete'] as const

export type EventAction = (typeof EVENT_ACTIONS)[number]

/** A change of a source object that one mapping has to carry over. */
export interface NewEvent {
  readonly mapping: string
  /** Of the source, such as `managed/user`. */
  readonly collection: string
  readonly resourceId: string
  readonly action: EventAction
  /** The revision of the object after the change; before it, where it was deleted. */
  readonly objectRev: string | null
  /** With `_id` and `_rev`; null where there is none, or it is not known. */
  readonly oldObject: JsonObject | null
  readonly newObject: JsonObject | null
  /** `MAPPING/ID` of the hops that led to the change. */
  readonly chain: readonly string[]
  /** Of the request that made the change. */
  readonly transactionId: string | null
  readonly userId: string | null
  /** Of a change that is being carried out already, by the process that chose this text: it waits only if that process crashes. */
  readonly claim?: string | undefined
}

/**
 * What a write of an object store has to add in its own transaction. The store knows the id, the revisions and the objects
 * best: it fills in `resourceId`, and what is null of `objectRev`, `oldObject` and `newObject`.
 */
export interface WriteEvents {
  readonly events?: readonly NewEvent[] | undefined
}

/** What an event was about to create, by link qualifier: it may be there. */
export type EventIntents = Readonly<Record<string, Intent>>

/** The intents of one event. */
export interface IntendedChange {
  readonly resourceId: string
  readonly intents: EventIntents
}

export type EventState = 'PENDING' | 'ACQUIRED'

/** An event that waits, or one that was given up: a dead letter. */
export interface StoredEvent extends NewEvent {
  readonly id: string
  /** ISO 8601. */
  readonly createDate: string
  /** How often it has failed. */
  readonly attempts: number
  /** `{code, reason, message}` of the last failure. */
  readonly lastError: JsonObject | null
}

export interface QueuedEvent extends StoredEvent {
  readonly state: EventState
  /** Milliseconds since 1970: it is not carried out earlier. 0 = it has not failed. */
  readonly notBefore: number
  readonly intents: EventIntents
  /** Who carries it out. */
  readonly nodeId: string | null
}

export interface DeadLetter extends StoredEvent {
  /** When it was given up: ISO 8601. */
  readonly endDate: string
}

/**
 * Whether a change can be merged into the event before it of the same object and mapping: the result is the earlier event,
 * with its old object, and the new object of the later one. Deletions are never merged.
 */
export const canMerge = (earlier: EventAction, later: EventAction): boolean =>
  earlier !== 'delete' && later === 'update'
