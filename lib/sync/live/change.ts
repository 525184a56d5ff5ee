import type { JsonObject } from '../../contract.ts'
import type { Action } from '../action.ts'
import type { ChangeIntents } from '../context/run-context.ts'
import type { Situation } from '../situation.ts'

export const CHANGE_ACTIONS = ['create', 'update', 'delete'] as const

export type ChangeAction = (typeof CHANGE_ACTIONS)[number]

/** A change of one source object. */
export interface Change {
  /** `managed/user`, `external/idm/eu/managed/user`. */
  readonly collection: string
  readonly resourceId: string
  readonly action: ChangeAction
  /** With `_id` and `_rev`; null where there is none, or it is not known. */
  readonly oldObject: JsonObject | null
  readonly newObject: JsonObject | null
  /** Of a change that may be carried out again after a crash. */
  readonly intents?: ChangeIntents | undefined
  /** Of a change that is stored for the mappings without queue, too, until they have carried it out: what it is stored under. */
  readonly claim?: string | undefined
  /** Of a queued change: whether one of another mapping that was queued before waits for its end. */
  readonly isEarlierQueued?: ((mapping: string, resourceId: string) => Promise<boolean>) | undefined
}

/** Why a detail failed, as an error answer says it. */
export interface SyncCause {
  readonly code: number
  readonly reason: string
  readonly message: string
  /** How long the remote that refused it asks to wait. */
  readonly retryAfterMs?: number
  /** The target may have been created by an earlier attempt, and nothing tells: it is not repeated. */
  readonly isInDoubt?: true
}

/** What became of one change in one mapping and link qualifier: a member of `syncDetails`. */
export interface SyncDetail {
  readonly reconId: null
  readonly mapping: string
  /** null = it failed before that was known. */
  readonly situation: Situation | null
  readonly action: Action | null
  /** Ids are those of objects in their collections. */
  readonly sourceId: string
  readonly linkQualifier: string
  readonly targetId: string | null
  readonly ambiguousTargetIds: readonly string[] | null
  /** The target before and after; null = there was none, or it is gone. */
  readonly oldTargetValue: JsonObject | null
  readonly targetObjectSet: JsonObject | null
  readonly cause?: SyncCause
  readonly result: 'SUCCESSFUL' | 'FAILED'
}

export type NotifyAction = 'notifyCreate' | 'notifyUpdate' | 'notifyDelete'

/** What implicit synchronization has done for one change: `syncResults` of the managed hook `onSync`. */
export interface SyncResults {
  readonly success: boolean
  readonly action: NotifyAction
  /** In processing order; they end with the first mapping that failed. */
  readonly syncDetails: readonly SyncDetail[]
}

export const NOTIFY_ACTIONS: Readonly<Record<ChangeAction, NotifyAction>> = {
  create: 'notifyCreate',
  update: 'notifyUpdate',
  delete: 'notifyDelete',
}
