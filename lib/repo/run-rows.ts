import { setImmediate as turn } from 'node:timers/promises'
import type { Json, JsonObject } from '../contract.ts'
import { sql } from './kysely.ts'
import { deleteLinks, each, insertLinks, type NewLink } from './link-store.ts'
import type { RunRowTable } from './sync-tables.ts'
import type { Database, Session } from './tables.ts'

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

  async add(rows: readonly NewRow[]): Promise<void> {
    if (rows.length === 0) return
    const ended = new Date().toISOString()
    const values = rows.map((row) => [
      row.phase,
      row.qualifier,
      row.sourceId,
      row.targetId,
      row.targetKey,
      Number(row.claims),
      row.situation,
      row.action,
      row.reason,
      row.status,
      textOf(row.failure),
      textOf(row.ambiguous),
      textOf(row.changes),
      textOf(row.work),
      row.status === null ? null : ended,
    ])
    await sql`insert into run_row (run, phase, qualifier, source_id, target_id, target_key, claims, situation, action,
        reason, status, failure, ambiguous, changes, work, ended)
      select ${this.#run}, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
        value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13, value ->> 14
      from ${each(values)}`.execute(this.#database)
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

  /** Rows that are still to be done. */
  waiting(after: number, limit: number): Promise<Row[]> {
    return this.#select(sql`r.status is null and r.key > ${after}`, limit)
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
    await updateRows(
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

async function updateRows(session: Session, outcomes: readonly RowOutcome[]): Promise<void> {
  const ended = new Date().toISOString()
  const rows = outcomes.map(({ key, targetId, situation, action, status, failure }) => {
    return [key, targetId, situation, action, status, textOf(failure)]
  })
  await sql`update run_row set target_id = o.value ->> 1, situation = o.value ->> 2, action = o.value ->> 3,
      status = o.value ->> 4, failure = o.value ->> 5, work = null, ended = ${ended}
    from ${each(rows)} as o where run_row.key = o.value ->> 0`.execute(session)
}

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
