import type { JsonObject } from '../../contract.ts'

/** A change of a source object that a mapping is to carry over later. */
export interface NewEvent {
  readonly mapping: string
  readonly collection: string
  readonly resourceId: string
  readonly action: 'create' | 'update' | 'delete'
  readonly objectRev: string | null
  /** With `_id` and `_rev`; null where there is none. */
  readonly oldObject: JsonObject | null
  readonly newObject: JsonObject | null
  /** `MAPPING/ID` of the hops that led to the change. */
  readonly chain: readonly string[]
  readonly transactionId: string | null
  readonly userId: string | null
}
