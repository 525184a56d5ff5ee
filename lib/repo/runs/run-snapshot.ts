import type { JsonObject } from '../../contract.ts'
import type { FilterValue } from '../../crest/filter/query-filter.ts'
import type { Pointer } from '../../crest/pointer.ts'
import type { Link } from '../links/link-store.ts'

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

/** An object that a row of the plan is about. */
export interface Touched {
  readonly key: string
  /** undefined = the place in the snapshot is not known. */
  readonly place: number | undefined
}

/** What one run saw of the target, and which sources it has seen. */
export interface RunSnapshot {
  /** Adds what is not there yet. @returns how many were new */
  add(objects: readonly SeenObject[]): Promise<number>
  /** From now on objects are found by the values of these fields, those that are there already included. */
  index(fields: readonly Pointer[]): Promise<void>
  byKeys(keys: readonly string[]): Promise<Map<string, SeenObject>>
  /** The links of one type that have one of `ids` at one end, with what was seen of the other end. */
  follow(type: string, end: 'first' | 'second', ids: readonly string[]): Promise<Followed[]>
  /** The keys of the objects with each of the values, apart from what makes no difference to `eq`. */
  keysByValues(wanted: readonly WantedValue[]): Promise<string[][]>
  /** Excludes objects from `untouched`. */
  touch(objects: readonly Touched[]): Promise<void>
  /** What comes from now on was not in the target query: rows may be about it, and `untouched` leaves it out. */
  endScan(): Promise<void>
  /**
   * Targets of the scan that no row of the plan is about, in the order they came: up to `limit` after the place `after`.
   * @returns the place to go on after; undefined = these were all
   */
  untouched(after: number, limit: number): Promise<{ objects: SeenObject[]; last: number | undefined }>
  /**
   * Notes sources of a page; each key may stand in it once.
   * @returns the keys of those that earlier pages brought, each with whether it has changed since
   */
  see(sources: readonly SeenSource[]): Promise<Map<string, boolean>>
}
