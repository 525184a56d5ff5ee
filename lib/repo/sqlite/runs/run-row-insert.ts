import { isOpen, type Row, textOf, workOf } from '../../runs/run-row.ts'
import { insertRows } from '../database/insert-rows.ts'
import { sql } from '../database/kysely.ts'
import type { Session } from '../database/tables.ts'

export interface NewRows {
  readonly run: number
  readonly rows: readonly Row[]
  /** Whether what carrying them out needs is to outlive the process. */
  readonly isLasting: boolean
}

/** Adds rows to a plan, in their order, inside a transaction. */
export async function insertRunRows(session: Session, { run, rows, isLasting }: NewRows): Promise<void> {
  const ended = new Date().toISOString()
  let after = await lastKey(session)
  for (const group of alike(rows)) {
    await insertAlike(session, group, { run, after, ended, isLasting })
    after += group.length
  }
}

interface Insertion {
  readonly run: number
  /** The highest key so far. */
  readonly after: number
  readonly ended: string
  readonly isLasting: boolean
}

/** @param rows that differ in their objects only */
async function insertAlike(
  session: Session,
  rows: readonly Row[],
  { run, after, ended, isLasting }: Insertion,
): Promise<void> {
  const [first] = rows
  if (!first) return
  const { phase, qualifier, claims, situation, action, reason, status } = first
  const end = status === null ? null : ended
  const shared = [run, phase, qualifier, Number(claims), situation, action, reason, status, end]
  const isPlain = rows.every((row) => hasNothing(row) && !isKept(row, isLasting))
  const values = rows.map((row, index) => {
    const { sourceId, targetId, targetKey, failure, ambiguous, changes } = row
    const own = [after + 1 + index, sourceId, targetId, targetKey]
    if (isPlain) return own
    return [...own, textOf(failure), textOf(ambiguous), textOf(changes), isKept(row, isLasting) ? workOf(row) : null]
  })
  await insertRows(session, isPlain ? INTO_PLAIN : INTO_ROWS, shared, values)
  const works = rows.flatMap((row, index) =>
    isOpen(row.status) && !isKept(row, isLasting) ? [[after + 1 + index, workOf(row)]] : [],
  )
  await insertRows(session, INTO_WORKS, [run], works)
}

/** A deferred row is carried out by a later run. */
const isKept = ({ status }: Row, isLasting: boolean): boolean => isOpen(status) && (isLasting || status === 'DEFERRED')

/** The highest key that a row has or had; nobody else adds rows while a transaction is open. */
async function lastKey(session: Session): Promise<number> {
  const query = sql<{ seq: number }>`select seq from sqlite_sequence where name = 'run_row'`
  return (await query.execute(session)).rows[0]?.seq ?? 0
}

const COMMON =
  'run, phase, qualifier, claims, situation, action, reason, status, ended, key, source_id, target_id, target_key'
const INTO_PLAIN = `insert into run_row (${COMMON})`
const INTO_ROWS = `insert into run_row (${COMMON}, failure, ambiguous, changes, work)`

const INTO_WORKS = 'insert into run_work (run, key, work)'

const hasNothing = ({ failure, ambiguous, changes }: Row): boolean =>
  failure === null && ambiguous === null && changes === null

/** Neighbours that differ in their objects only: most rows of most runs. */
function alike(rows: readonly Row[]): Row[][] {
  const groups: Row[][] = []
  for (const row of rows) {
    const group = groups.at(-1)
    if (group?.[0] && isAlike(group[0], row)) group.push(row)
    else groups.push([row])
  }
  return groups
}

const ALIKE = ['phase', 'qualifier', 'claims', 'situation', 'action', 'reason', 'status'] as const

const isAlike = (left: Row, right: Row): boolean =>
  ALIKE.every((member) => left[member] === right[member]) && hasNothing(left) === hasNothing(right)
