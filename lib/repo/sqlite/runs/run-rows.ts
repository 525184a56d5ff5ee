import { setImmediate as turn } from 'node:timers/promises'
import { LINK_EXISTS, type Row, type RowSelection, rowOf, textOf } from '../../runs/run-row.ts'
import { updateRows } from '../database/insert-rows.ts'
import { sql } from '../database/kysely.ts'
import type { RunRowTable } from '../database/sync-tables.ts'
import type { Database, Session } from '../database/tables.ts'
import { unhurried } from '../database/unhurried.ts'
import { deleteLinks, each, insertLinks } from './link-store.ts'
import { insertRunRows } from './run-row-insert.ts'

export type { FieldChange, Row, RowSelection, RowStatus } from '../../runs/run-row.ts'
export { LINK_EXISTS, newRow } from '../../runs/run-row.ts'

/** How many rows of a plan have one situation and action. */
export interface RowCount {
  readonly situation: string
  readonly action: string
  readonly count: number
  /** Of these, rows that are to be carried out. */
  readonly waiting: number
  /** Of these, rows that change a field of their target. */
  readonly changing: number
  /** Of these, rows whose scripts write something. */
  readonly writing: number
  /** Of these, rows that are carried out only where `allowApproximate` says so. */
  readonly approximate: number
  readonly deferred: number
  readonly failed: number
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
  async add(rows: readonly Row[], isLasting: boolean): Promise<void> {
    if (rows.length === 0) return
    await unhurried(this.#database, (session) => insertRunRows(session, { run: this.#run, rows, isLasting }))
    await turn()
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
        r.changes, coalesce(w.work, r.work) as work, r.ended
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

  /** Stores what became of rows, with their links: one commit for all. @returns for each whether its link was added */
  async finish(rows: readonly Row[]): Promise<boolean[]> {
    return this.#database.transaction().execute((session) => this.#finish(session, rows))
  }

  /** The same for what the next run would find again if a power cut took it back. */
  async finishUnhurried(rows: readonly Row[]): Promise<boolean[]> {
    return unhurried(this.#database, (session) => this.#finish(session, rows))
  }

  /** What the plan would do that is counted before it does anything. */
  async countWaiting(action: string): Promise<number> {
    const query = sql<{ count: number }>`select count(*) as count from run_row
      where run = ${this.#run} and status is null and action = ${action}`
    return (await query.execute(this.#database)).rows[0]?.count ?? 0
  }

  async countByKind(): Promise<RowCount[]> {
    const query = sql<RowCount>`select situation, action, count(*) as count, sum(status is null) as waiting,
        sum(changes is not null and changes <> '[]') as changing,
        sum(coalesce(json_array_length(work, '$.writes'), 0) > 0) as writing,
        sum(coalesce(work ->> '$.isApproximate', 0)) as approximate,
        sum(coalesce(status = 'DEFERRED', 0)) as deferred, sum(coalesce(status = 'FAILURE', 0)) as failed
      from run_row where run = ${this.#run} group by situation, action order by min(key)`
    return (await query.execute(this.#database)).rows
  }

  /** Lets deferred rows be carried out. @returns how many there were */
  async release(): Promise<number> {
    const query = sql`update run_row set status = null, failure = null, ended = null
      where run = ${this.#run} and status = 'DEFERRED'`
    return Number((await query.execute(this.#database)).numAffectedRows ?? 0n)
  }

  /** The sources that could not be assessed, and that no later run of the mapping has assessed; null = without id. */
  async unassessed(mapping: string): Promise<(string | null)[]> {
    const query = sql<{ id: string | null }>`select distinct r.source_id as id from run_row as r
      where r.run = ${this.#run} and r.phase = 'source' and r.status = 'FAILURE' and r.situation = '' and r.target_key is null
        and not exists (select 1 from run_row as o join run as u on u.number = o.run where u.mapping = ${mapping}
          and o.run > r.run and o.source_id = r.source_id and o.situation <> '')`
    return (await query.execute(this.#database)).rows.map(({ id }) => id)
  }

  async #finish(session: Session, rows: readonly Row[]): Promise<boolean[]> {
    await deleteLinks(
      session,
      rows.flatMap(({ removedLinks }) => removedLinks),
    )
    const links = rows.flatMap(({ newLink }) => newLink ?? [])
    const added = (await insertLinks(session, links)).values()
    const linked = rows.map(({ newLink }) => (newLink ? added.next().value === true : true))
    await setOutcomes(
      session,
      rows.map((row, index) => (linked[index] ? row : { ...row, status: 'FAILURE', failure: LINK_EXISTS })),
    )
    return linked
  }

  async #select(condition: ReturnType<typeof sql>, limit: number): Promise<Row[]> {
    const query = sql<RunRowTable & { key: number }>`select r.* from run_row as r
      where r.run = ${this.#run} and ${condition} order by r.key limit ${limit}`
    return (await query.execute(this.#database)).rows.map(rowOf)
  }
}

/** All outcomes of one kind together: there are few kinds, and most of a row is its kind. */
async function setOutcomes(session: Session, rows: readonly Row[]): Promise<void> {
  const ended = new Date().toISOString()
  const kinds = Map.groupBy(rows, ({ situation, action, status, failure }) =>
    [situation, action, status, textOf(failure)].join('\u0000'),
  )
  for (const own of kinds.values()) {
    const [first] = own
    if (!first) continue
    const { situation, action, status, failure } = first
    const values = own.map(({ key, targetId }) => [key, targetId])
    await updateRows(session, SET_OUTCOME, [situation, action, status, textOf(failure), ended], values)
  }
}

const SET_OUTCOME = [
  `update run_row set situation = ?1, action = ?2, status = ?3, failure = ?4, ended = ?5, target_id = v.column2,
    work = null from`,
  'where run_row.key = v.column1',
] as const
