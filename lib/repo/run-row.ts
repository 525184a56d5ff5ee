import type { Json, JsonObject } from '../contract.ts'
import type { NewLink } from './link-store.ts'
import type { RunRowTable } from './sync-tables.ts'

export type RowStatus = 'SUCCESS' | 'FAILURE'

/** One decision of a run, to be added to its plan. */
export interface NewRow {
  readonly phase: 'source' | 'target'
  readonly qualifier: string
  readonly sourceId: string | null
  readonly targetId: string | null
  readonly targetKey: string | null
  readonly claims: boolean
  readonly situation: string
  readonly action: string
  readonly reason: string
  /** null = it is still to be done. */
  readonly status: RowStatus | null
  readonly failure: JsonObject | null
  readonly ambiguous: readonly string[] | null
  readonly changes: readonly Json[] | null
  readonly work: JsonObject | null
}

export interface Row extends NewRow {
  readonly key: number
  readonly ended: string | null
}

/** What became of one row. */
export interface RowOutcome {
  readonly key: number
  readonly targetId: string | null
  readonly situation: string
  readonly action: string
  readonly status: RowStatus
  readonly failure: JsonObject | null
  readonly link: NewLink | null
  readonly unlink: readonly string[]
}

/** Which rows are looked for. */
export interface RowSelection {
  readonly situation?: string
  readonly action?: string
  readonly status?: RowStatus
}

export const LINK_EXISTS: JsonObject = {
  code: 409,
  reason: 'Conflict',
  message: 'The source or the target is linked to another object already',
}

export const textOf = (value: unknown): string | null => (value === null ? null : JSON.stringify(value))

const jsonOf = <T>(text: string | null): T | null => (text === null ? null : (JSON.parse(text) as T))

/** As the database has it. */
export const rowOf = (row: RunRowTable & { readonly key: number }): Row => ({
  key: row.key,
  phase: row.phase === 'target' ? 'target' : 'source',
  qualifier: row.qualifier,
  sourceId: row.source_id,
  targetId: row.target_id,
  targetKey: row.target_key,
  claims: row.claims === 1,
  situation: row.situation,
  action: row.action,
  reason: row.reason,
  status: row.status === null ? null : row.status === 'SUCCESS' ? 'SUCCESS' : 'FAILURE',
  failure: jsonOf<JsonObject>(row.failure),
  ambiguous: jsonOf<string[]>(row.ambiguous),
  changes: jsonOf<Json[]>(row.changes),
  work: jsonOf<JsonObject>(row.work),
  ended: row.ended,
})
