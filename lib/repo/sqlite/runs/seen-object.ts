import type { JsonObject } from '../../../contract.ts'
import { parseStoredJson } from '../../../core/json.ts'
import type { FilterValue } from '../../../crest/filter/query-filter.ts'
import { getAt, type Pointer } from '../../../crest/pointer.ts'
import { coarse, orderKey } from '../../objects/order-key.ts'
import type { Link } from './link-store.ts'

/** An object as a run saw it, or one that it will create. */
export interface SeenObject {
  /** The id as links have it. */
  readonly key: string
  readonly isFull: boolean
  readonly isPlanned: boolean
  /** With `_id` and `_rev`; one that is planned has neither. */
  readonly object: JsonObject
  /** Where it stands in the snapshot; undefined = it comes from elsewhere. */
  readonly place?: number
}

/** A source as a page brought it. */
export interface SeenSource {
  /** The id as links have it. */
  readonly key: string
  /** Of its content: another one = it has changed. */
  readonly digest: number
}

/** One value of one field that is looked for. */
export interface WantedValue {
  readonly field: string
  readonly value: FilterValue
}

/** A link, and the object at its other end if that was seen. */
export interface Followed {
  readonly link: Link
  readonly seen: SeenObject | undefined
}

/** A row of `run_object`. */
export interface SeenRow {
  readonly place: number
  readonly key: string
  readonly kind: number
  readonly object: string
}

/** Few columns: a run reads one of these for each of its objects. */
export interface FollowedRow {
  readonly id: string
  readonly qualifier: string
  readonly near: string
  readonly far: string
  /** null = the other end was not seen. */
  readonly place: number | null
  readonly kind: number
  readonly object: string
}

export const PARTIAL = 0
export const FULL = 1
export const PLANNED = 2

/** Field, order key and key of the object, for each value that it has in one of the fields. */
export const valuesOf = ({ key, object }: SeenObject, fields: ReadonlyMap<string, Pointer>): string[][] =>
  [...fields].flatMap(([name, field]) => {
    const found = getAt(object, field) ?? null
    const values = Array.isArray(found) ? found : [found]
    const keys = values.filter((value) => value !== null).map((value) => coarse(orderKey(value)))
    return [...new Set(keys)].map((orderKey) => [name, orderKey, key])
  })

export const seenOf = ({ place, key, kind, object }: SeenRow): SeenObject => ({
  key,
  isFull: kind !== PARTIAL,
  isPlanned: kind === PLANNED,
  object: parseStoredJson(object) as JsonObject,
  place,
})
