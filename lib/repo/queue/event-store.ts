import type { Json, JsonObject } from '../../contract.ts'
import type { DeadLetter, EventIntents, EventState, IntendedChange, NewEvent, QueuedEvent } from './event.ts'

/** What became of an event that was acquired. */
export type Outcome =
  | { readonly event: QueuedEvent; readonly result: 'done' }
  /** It is tried again. `counts`: as one of its attempts. */
  | {
      readonly event: QueuedEvent
      readonly result: 'retry'
      readonly notBefore: number
      readonly counts: boolean
      readonly error: JsonObject | null
    }
  /** It becomes a dead letter. */
  | { readonly event: QueuedEvent; readonly result: 'dead'; readonly error: JsonObject | null }

/** Which events are meant; without members: all. */
export interface EventSelection {
  readonly ids?: readonly string[] | undefined
  readonly mapping?: string | undefined
  readonly resourceId?: string | undefined
  readonly state?: EventState | undefined
}

/** Why a queue stands still. */
export interface Pause {
  /** `brake`: too many deletions; `hand`: somebody asked for it. */
  readonly cause: 'brake' | 'hand'
  /** One sentence. */
  readonly reason: string
  /** The account that paused it; null = the deletion brake did. */
  readonly by: string | null
  /** ISO 8601. */
  readonly since: string
}

/** Whether a target keeps the ids that objects are created with. */
export interface NotedIds {
  /** The target of the mapping at that time. */
  readonly target: string
  readonly ids: 'kept' | 'refused'
}

/** An event that is being carried out since it was stored. */
export interface EventClaim extends Pick<NewEvent, 'mapping' | 'action'> {
  readonly claim: string
}

/** A claim whose change has not ended. */
export interface StoredClaim {
  readonly claim: string
  /** Which process has stored it: see `Repository.process`; an empty text where the claim does not tell. */
  readonly process: string
  /** ISO 8601. */
  readonly createDate: string
}

/** What is stored of one mapping. */
export interface QueueState {
  readonly mapping: string
  /** Events that are not carried out yet, with those that are being carried out. */
  readonly waiting: number
  readonly dead: number
  /** When the oldest waiting event was stored: ISO 8601. */
  readonly oldest: string | null
  readonly pause: Pause | null
  /** Deletions of the last hour. */
  readonly deletions: number
}

/**
 * Events of queued synchronization. Of one object and mapping they are carried out in the order in which they were stored,
 * one at a time: `JobQueue` gives out the next one when the one before it has ended. Claimed events are seen by none of the
 * methods that do not name them. Old and new objects and errors are encrypted in the database.
 */
export interface EventStore {
  /** How often the database could not be reached since this process has used it. */
  readonly misses: number
  /** Whether this process was the leader and no longer is: it carries nothing out any more. */
  readonly isDeposed: boolean
  /** A text to claim events of this process with: another one at each call. */
  newClaim(): string
  /** Stores events in one transaction; those that can be merged into waiting ones are. */
  add(events: readonly NewEvent[]): Promise<void>
  find(id: string): Promise<QueuedEvent | undefined>
  /** Waiting events in the order they were stored. @param after the id of the last one of the page before */
  page(selection: EventSelection, after: string | null, limit: number): Promise<QueuedEvent[]>
  /** Notes what an event is about to create; resolves when it is on the disk. */
  intend(event: QueuedEvent, intents: EventIntents): Promise<void>
  /** The same for an event that is claimed. */
  intendClaimed(claim: EventClaim, intents: EventIntents): Promise<void>
  /** What events, with dead letters, were about to create or delete, in their order: of one object, or of a whole mapping. */
  intentsOf(of: Pick<NewEvent, 'mapping'> & Partial<Pick<NewEvent, 'resourceId'>>): Promise<IntendedChange[]>
  /** Removes an event that is claimed, or lets it wait to be carried out. A process may do so after it has led. */
  endClaim(claim: EventClaim, end: 'done' | 'wait'): Promise<void>
  claims(): Promise<readonly StoredClaim[]>
  /** Lets the events of these claims wait. @returns how many */
  releaseClaims(claims: readonly string[]): Promise<number>
  /** Ends the events that were acquired. */
  finish(outcomes: readonly Outcome[]): Promise<void>
  /** Removes waiting events, except those that are being carried out. @returns how many */
  drop(selection: EventSelection): Promise<number>
  findDead(id: string): Promise<DeadLetter | undefined>
  deadLetters(selection: EventSelection, after: string | null, limit: number): Promise<DeadLetter[]>
  /** Lets dead letters wait again, without attempts. @returns how many */
  revive(selection: EventSelection): Promise<number>
  /** @returns how many */
  dropDead(selection: EventSelection): Promise<number>
  /** The mappings with events, dead letters or a pause, by name. */
  queues(): Promise<QueueState[]>
  /** Pauses a mapping, or lets it go on (null). It lasts over restarts. */
  setPause(mapping: string, pause: Pause | null): Promise<void>
  pauseOf(mapping: string): Promise<Pause | null>
  /** What changes have learned about the ids that the target of a mapping takes. */
  clientIds(mapping: string): Promise<NotedIds | null>
  keepClientIds(mapping: string, noted: NotedIds): Promise<void>
  /**
   * Counts a deletion that a mapping is about to make, unless `allowed` of them were counted within the last hour.
   * @returns how many were counted before, and whether this one was
   */
  countDeletion(mapping: string, allowed: number): Promise<{ readonly count: number; readonly isAllowed: boolean }>
  /** A deletion that was counted was not made. */
  uncountDeletion(mapping: string): Promise<void>
  /** Starts the hour again: somebody has released the mapping. */
  forgetDeletions(mapping: string): Promise<void>
}

/** An error as events keep it. */
export const eventError = (code: Json, reason: string, message: string): JsonObject => ({ code, reason, message })
