import type { Work } from './work.ts'

export type ColumnType = 'integer' | 'text' | 'bytes'

/** What databases say in different ways. Parameters are written as in `Statement`. */
export interface Dialect {
  /** How many of `left` rows the next statement inserts. Each number is a statement of its own. */
  insertSize(left: number): number
  /** A parameter for many values: see `each` and `among`. */
  list(values: readonly (string | number)[]): unknown
  /** A source `wanted` of the values of a list: columns `value` and `place`, which rises from 0. */
  each(type: 'integer' | 'text'): string
  /** A condition that a column is one of a list, such as `in (…)`. @param place its parameter, such as `?2` */
  among(type: 'integer' | 'text', place?: string): string
  /** Parameters for many pairs: see `eachPair`. */
  pairs(pairs: readonly (readonly [string, string])[]): readonly unknown[]
  /** A source `wanted` of pairs: columns `place`, `one` and `other`. */
  readonly eachPair: string
  /** A parameter whose type the statement around it does not tell. */
  typed(place: string, type: ColumnType): string
  /** How text is stored in a column that holds sealed values as well. */
  plain(text: string): string | Uint8Array
  /** Joins texts by U+001F. */
  joined(...texts: readonly string[]): string
  /** Goes behind the name of a table, where the planner would take another index. */
  indexedBy(index: string): string
  /** Goes behind a query whose rows are about to be changed. */
  readonly forUpdate: string
  /**
   * Joins the rows of a table that satisfy a condition, for each row of what stands before: found by an index, whatever the
   * planner knows of the tables.
   * @param table with its alias, such as `link as l`
   * @param kind `left` keeps rows without a match
   */
  lookUp(table: `${string} as ${string}`, condition: string, kind?: 'left'): string
  /** Whether what runs see is there after the end of the process. */
  readonly outlivesProcess: boolean
  /** Whether a column contains the text of a parameter; more may be found. */
  contains(column: string): string
  /** The same where rows that others are changing are left out. */
  readonly forUpdateOfFree: string
  /** Adds to the numbers of `eventCounts`: ?1 mapping, ?2 waiting events, ?3 dead letters. */
  readonly addEventCounts: string
  /** A source of the numbers of events: one row for each mapping, with `waiting` and `dead`. */
  readonly eventCounts: string
  /** The keys of rows that are inserted next, in their order. */
  nextKeys(table: 'run_row' | 'sync_event', count: number): Work<readonly number[]>
}
