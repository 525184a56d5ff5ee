import type { RunRowTable } from '../statements/tables.ts'

/** A row as it is stored. */
export type StoredRow = {
  -readonly [Name in Exclude<keyof RunRowTable, 'changing' | 'writing' | 'approximate'>]: RunRowTable[Name]
}

/** A row with what is JSON as text. */
export type RowRecord = Omit<StoredRow, 'reason' | 'failure' | 'changes' | 'work'> & {
  readonly reason: string
  readonly failure: string | null
  readonly changes: string | null
  readonly work: string | null
}

/** Rows that are stored one after the other, and whose first columns are the same. */
export interface RowGroup {
  /** See `COMMON` without its first: phase, qualifier, claims, situation, action, status, ended. */
  readonly shared: readonly unknown[]
  readonly reason: string
  /** Each has `source_id, target_id, target_key`; with `hasMore` also those of `MORE`. */
  readonly values: readonly unknown[]
  readonly hasMore: boolean
  readonly count: number
  /** Pairs of the place of a row and its work, where that need not outlive the process. */
  readonly works: readonly (readonly [place: number, work: string])[]
}

/** A row and its intent. */
export interface IntendedRow {
  readonly key: number
  readonly targetId: string | null
  readonly kind: string | null
  /** JSON: see `BeforeImage`. */
  readonly image: string | null
}

/** The images of a row as JSON. */
export interface ImageTexts {
  readonly image: string | null
  readonly outcome: string | null
}
