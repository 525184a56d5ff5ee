import { setImmediate as turn } from 'node:timers/promises'
import type { Json, JsonObject } from '../contract.ts'
import { insertRows, updateRows } from './insert-rows.ts'
import { sql } from './kysely.ts'
import { deleteLinks, each, insertLinks, type NewLink } from './link-store.ts'
import type { RunRowTable } from './sync-tables.ts'
import type { Database, Session } from './tables.ts'
import { unhurried } from './unhurried.ts'

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

/** The plan of one run. */
export class RunRows {
  readonly #database: Database
  readonly #run: number

  constructor(database: Database, run: number) {
    this.#database = database
    this.#run = run
  }

  /** @param isLasting whether what carrying them out needs is to outlive the process: a plan that somebody will read */
  async add(rows: readonly NewRow[], isLasting: boolean): Promise<void> {
    if (rows.length === 0) return
    const ended = new Date().toISOString()
    await unhurried(this.#database, async (session) => {
      let key = await lastKey(session)
      for (const group of alike(rows)) {
        await this.#insert(session, group, { after: key, ended, isLasting })
        key += group.length
      }
    })
    await turn()
  }

  /** @param rows that differ in their objects only */
  async #insert(session: Session, rows: readonly NewRow[], { after, ended, isLasting }: Insertion): Promise<void> {
    const [first] = rows
    if (!first) return
    const { phase, qualifier, claims, situation, action, reason, status } = first
    const end = status === null ? null : ended
    const shared = [this.#run, phase, qualifier, Number(claims), situation, action, reason, status, end]
    const isPlain = rows.every((row) => hasNothing(row) && (row.work === null || !isLasting))
    const values = rows.map(({ sourceId, targetId, targetKey, failure, ambiguous, changes, work }, index) => {
      const own = [after + 1 + index, sourceId, targetId, targetKey]
      if (isPlain) return own
      return [...own, textOf(failure), textOf(ambiguous), textOf(changes), isLasting ? textOf(work) : null]
    })
    await insertRows(session, isPlain ? INTO_PLAIN : INTO_ROWS, shared, values)
    if (isLasting) return
    const works = rows.flatMap(({ work }, index) => (work ? [[after + 1 + index, textOf(work)]] : []))
    await insertRows(session, INTO_WORKS, [this.#run], works)
  }

  /** Which of these targets rows before have taken, and for which kind of link. */
  async claimed(targetKeys: readonly string[]): Promise<{ target: string; qualifier: string; source: string }[]> {
    if (targetKeys.length === 0) return []
    const query = sql<{ target: string; qualifier: string; source: string }>`select r.target_key as target, r.qualifier,
        r.source_id as source from ${each(targetKeys)} as wanted cross join run_row as r
      where r.run = ${this.#run} and r.target_key = wanted.value and r.claims = 1`
    return (await query.execute(this.#database)).rows
  }

  /** Rows that are still to be done, with what that needs. */
  async waiting(after: number, limit: number): Promise<Row[]> {
    const query = sql<RunRowTable & { key: number }>`select r.key, r.phase, r.qualifier, r.source_id, r.target_id,
        r.target_key, r.claims, r.situation, r.action, r.reason, r.status, null as failure, r.ambiguous,
        null as changes, coalesce(w.work, r.work) as work, r.ended
      from run_row as r left join run_work as w on w.key = r.key
      where r.run = ${this.#run} and r.status is null and r.key > ${after} order by r.key limit ${limit}`
    return (await query.execute(this.#database)).rows.map(rowOf)
  }

  /** All rows behind `after` in their order. */
  async after(after: number, limit: number, { situation, action, status }: RowSelection = {}): Promise<Row[]> {
    await turn()
    const conditions = [
      sql`r.key > ${after}`,
      ...(situation === undefined ? [] : [sql`r.situation = ${situation}`]),
      ...(action === undefined ? [] : [sql`r.action = ${action}`]),
      ...(status === undefined ? [] : [sql`r.status = ${status}`]),
    ]
    return this.#select(sql.join(conditions, sql` and `), limit)
  }

  /** What became of rows, with their links: one commit for all. @returns one answer each: whether its link was added */
  async finish(outcomes: readonly RowOutcome[]): Promise<boolean[]> {
    return this.#database.transaction().execute((session) => this.#finish(session, outcomes))
  }

  /** The same for what the next run would find again if a power cut took it back. */
  async finishUnhurried(outcomes: readonly RowOutcome[]): Promise<boolean[]> {
    return unhurried(this.#database, (session) => this.#finish(session, outcomes))
  }

  /** What the plan would do that is counted before it does anything. */
  async countWaiting(action: string): Promise<number> {
    const query = sql<{ count: number }>`select count(*) as count from run_row
      where run = ${this.#run} and status is null and action = ${action}`
    return (await query.execute(this.#database)).rows[0]?.count ?? 0
  }

  async countByKind(): Promise<{ situation: string; action: string; count: number }[]> {
    const query = sql<{ situation: string; action: string; count: number }>`select situation, action, count(*) as count
      from run_row where run = ${this.#run} group by situation, action order by min(key)`
    return (await query.execute(this.#database)).rows
  }

  async #finish(session: Session, outcomes: readonly RowOutcome[]): Promise<boolean[]> {
    await deleteLinks(
      session,
      outcomes.flatMap(({ unlink }) => unlink),
    )
    const links = outcomes.flatMap(({ link }) => link ?? [])
    const added = (await insertLinks(session, links)).values()
    const linked = outcomes.map(({ link }) => (link ? added.next().value === true : true))
    await setOutcomes(
      session,
      outcomes.map((outcome, index) =>
        linked[index] ? outcome : { ...outcome, status: 'FAILURE' as const, failure: LINK_EXISTS },
      ),
    )
    return linked
  }

  async #select(condition: ReturnType<typeof sql>, limit: number): Promise<Row[]> {
    const query = sql<RunRowTable & { key: number }>`select r.* from run_row as r
      where r.run = ${this.#run} and ${condition} order by r.key limit ${limit}`
    return (await query.execute(this.#database)).rows.map(rowOf)
  }
}

export const LINK_EXISTS: JsonObject = {
  code: 409,
  reason: 'Conflict',
  message: 'The source or the target is linked to another object already',
}

/** All outcomes of one kind together: there are few kinds, and most of a row is its kind. */
async function setOutcomes(session: Session, outcomes: readonly RowOutcome[]): Promise<void> {
  const ended = new Date().toISOString()
  const kinds = Map.groupBy(outcomes, ({ situation, action, status, failure }) =>
    [situation, action, status, textOf(failure)].join('\u0000'),
  )
  for (const own of kinds.values()) {
    const [{ situation, action, status, failure } = NO_OUTCOME] = own
    const rows = own.map(({ key, targetId }) => [key, targetId])
    await updateRows(session, SET_OUTCOME, [situation, action, status, textOf(failure), ended], rows)
  }
}

const NO_OUTCOME = { situation: '', action: '', status: 'FAILURE', failure: null } as const

const SET_OUTCOME = [
  `update run_row set situation = ?1, action = ?2, status = ?3, failure = ?4, ended = ?5, target_id = v.column2,
    work = null from`,
  'where run_row.key = v.column1',
] as const

interface Insertion {
  /** The highest key so far. */
  readonly after: number
  readonly ended: string
  readonly isLasting: boolean
}

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

const hasNothing = ({ failure, ambiguous, changes }: NewRow): boolean =>
  failure === null && ambiguous === null && changes === null

/** Neighbours that differ in their objects only: most rows of most runs. */
function alike(rows: readonly NewRow[]): NewRow[][] {
  const groups: NewRow[][] = []
  for (const row of rows) {
    const group = groups.at(-1)
    if (group?.[0] && isAlike(group[0], row)) group.push(row)
    else groups.push([row])
  }
  return groups
}

const ALIKE = ['phase', 'qualifier', 'claims', 'situation', 'action', 'reason', 'status'] as const

const isAlike = (left: NewRow, right: NewRow): boolean =>
  ALIKE.every((member) => left[member] === right[member]) && hasNothing(left) === hasNothing(right)

const textOf = (value: unknown): string | null => (value === null ? null : JSON.stringify(value))

const jsonOf = <T>(text: string | null): T | null => (text === null ? null : (JSON.parse(text) as T))

const rowOf = (row: RunRowTable & { readonly key: number }): Row => ({
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
