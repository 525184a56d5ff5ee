import type { EventAction } from '../../queue/event.ts'

/** What the data keys of events are stored under: no run has this number. */
export const EVENTS = 0

/**
 * What an event waits for. Of one object and mapping at most one event is `ready`, in `retry` or `acquired`: the oldest.
 * When it ends, the next one becomes `ready`. Events that are `claimed` do not make others wait.
 */
export const STATE = { ready: 0, behind: 1, retry: 2, acquired: 3, dead: 4, claimed: 5 } as const

/**
 * The index of waiting events by object. It has to be named: the planner would rather read all events of the mapping.
 * Needs the condition `state < 4`.
 */
export const BY_OBJECT = 'sync_event_by_object'

export interface EventRow {
  readonly key: number
  readonly mapping: string
  readonly collection: string
  readonly resource: string
  readonly action: EventAction
  /** One of `STATE`. */
  readonly state: number
  /** ISO 8601. */
  readonly created: string
  readonly revision: string | null
  /** Sealed JSON, as are the next one and the error. */
  readonly old_object: Uint8Array | null
  readonly new_object: Uint8Array | null
  /** JSON list. */
  readonly chain: string
  readonly transaction_id: string | null
  readonly user_id: string | null
  readonly attempts: number
  /** Milliseconds since 1970. */
  readonly not_before: number
  readonly last_error: Uint8Array | null
  /** Who carries it out; of a claimed event the claim. */
  readonly node: string | null
  /** Since when: milliseconds since 1970. */
  readonly taken: number | null
  /** JSON: what it is about to create, by link qualifier. */
  readonly intents: string | null
  /** When it became a dead letter: ISO 8601. */
  readonly ended: string | null
}
