import { setImmediate as turn } from 'node:timers/promises'
import type { Json, JsonObject } from '../contract.ts'
import { insertRows } from './insert-rows.ts'
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

  async add(rows: readonly NewRow[]): Promise<void> {
    if (rows.length === 0) return
    const ended = new Date().toISOString()
    await unhurried(this.#database, async (session) => {
      for (const group of alike(rows)) await this.#insert(session, group, ended)
    })
    await turn()
  }

  /** @param rows that share what all of them have in common by their kind */
  async #insert(session: Session, rows: readonly NewRow[], ended: string): Promise<void> {
    const [first] = rows
    if (!first) return
    const { phase, qualifier, claims, situation, action, reason, status } = first
    const end = status === null ? null : ended
    const shared = [this.#run, phase, qualifier, Number(claims), situation, action, reason, status, end]
    const values = rows.map(({ sourceId, targetId, targetKey, failure, ambiguous, changes, work }) => {
      const own = [sourceId, targetId, targetKey]
      return isPlain(first) ? own : [...own, ...[failure, ambiguous, changes, work].map(textOf)]
    })
    await insertRows(session, isPlain(first) ? INTO_PLAIN : INTO_ROWS, shared, values)
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

const COMMON =
  'run, phase, qualifier, claims, situation, action, reason, status, ended, source_id, target_id, target_key'
const INTO_PLAIN = `insert into run_row (${COMMON})`
const INTO_ROWS = `insert into run_row (${COMMON}, failure, ambiguous, changes, work)`

const isPlain = ({ failure, ambiguous, changes, work }: NewRow): boolean =>
  failure === null && ambiguous === null && work === null && (changes === null || changes.length === 0)

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
  ALIKE.every((member) => left[member] === right[member]) && isPlain(left) === isPlain(right)

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
