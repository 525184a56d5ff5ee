import type { NewLink } from '../../links/link-store.ts'
import { LINK_EXISTS, type RowSelection } from '../../runs/run-row.ts'
import type { Claim, RowCount } from '../../runs/run-rows.ts'
import { insertRows, updateRows } from '../database/insert-rows.ts'
import type { Session } from '../database/session.ts'
import type { RunRowTable as RowRecord } from '../database/tables.ts'
import type { WriteQueue } from '../database/write-queue.ts'
import { deleteLinks, insertLinks } from './link-table.ts'
import { RowPlaces } from './row-places.ts'

export type { RowRecord }

/** Rows that are stored one after the other, and whose first columns are the same. */
export interface RowGroup {
  /** See `COMMON` without its first: phase, qualifier, claims, situation, action, reason, status, ended. */
  readonly shared: readonly unknown[]
  /** Each has `source_id, target_id, target_key`; with `hasMore` also `failure, ambiguous, changes, work`. */
  readonly values: readonly unknown[]
  readonly hasMore: boolean
  readonly count: number
  /** Pairs of the place of a row and its work, where that need not outlive the process. */
  readonly works: readonly (readonly [place: number, work: string])[]
}

/** What became of a row. */
export interface Outcome {
  readonly key: number
  readonly targetId: string | null
  readonly situation: string
  readonly action: string
  readonly status: string | null
  /** JSON. */
  readonly failure: string | null
  readonly newLink: NewLink | null
  readonly removedLinks: readonly string[]
}

/** The plans of all runs, with what is JSON as text. */
export class RowTable {
  readonly #session: Session
  readonly #writes: WriteQueue
  readonly #places: RowPlaces

  constructor(session: Session, writes: WriteQueue) {
    this.#session = session
    this.#writes = writes
    this.#places = new RowPlaces(session)
  }

  /** Adds rows to a plan, in their order. */
  add(run: number, groups: readonly RowGroup[]): Promise<void> {
    return this.#writes.run(
      (session) => {
        let last = lastKey(session)
        for (const group of groups) {
          insertGroup(session, run, group, last + 1)
          last += group.count
        }
      },
      { isDurable: false },
    )
  }

  async claimed(run: number, targetKeys: readonly string[]): Promise<Claim[]> {
    if (targetKeys.length === 0) return []
    const text = `select r.target_key as target, r.qualifier, r.source_id as source
      from json_each(?) as wanted cross join run_row as r
      where r.run = ? and r.target_key = wanted.value and r.claims = 1`
    return this.#session.all(text, [JSON.stringify(targetKeys), run])
  }

  async waiting(run: number, after: number, limit: number): Promise<RowRecord[]> {
    const text = `select r.key, r.phase, r.qualifier, r.source_id, r.target_id,
        r.target_key, r.claims, r.situation, r.action, r.reason, r.status, null as failure, r.ambiguous,
        r.changes, coalesce(w.work, r.work) as work, r.ended
      from run_row as r left join run_work as w on w.key = r.key
      where r.run = ? and r.status is null and r.key > ? order by r.key limit ?`
    return this.#session.all(text, [run, after, limit])
  }

  async after(run: number, after: number, limit: number, selection: RowSelection = {}): Promise<RowRecord[]> {
    const { situation, action, status } = selection
    const equal = Object.entries({ situation, action, status }).filter(([, value]) => value !== undefined)
    const conditions = ['run = ?', 'key > ?', ...equal.map(([column]) => `${column} = ?`)].join(' and ')
    const text = `select * from run_row where ${conditions} order by key limit ?`
    return this.#session.all(text, [run, after, ...equal.map(([, value]) => value), limit])
  }

  /** The rows of a complete plan at these places, as `placeOfRow` writes them. */
  atPlaces(run: number, places: readonly string[]): Promise<RowRecord[]> {
    return this.#places.find(run, places)
  }

  /** @returns for each whether its link was added */
  finish(outcomes: readonly Outcome[], isDurable: boolean): Promise<boolean[]> {
    return this.#writes.run((session) => finish(session, outcomes), { isDurable })
  }

  async countWaiting(run: number, action: string): Promise<number> {
    const text = 'select count(*) as count from run_row where run = ? and status is null and action = ?'
    return this.#session.all<{ count: number }>(text, [run, action])[0]?.count ?? 0
  }

  async countByKind(run: number): Promise<RowCount[]> {
    const text = `select situation, action, count(*) as count, sum(status is null) as waiting,
        sum(changes is not null and changes <> '[]') as changing,
        sum(coalesce(json_array_length(work, '$.writes'), 0) > 0) as writing,
        sum(coalesce(work ->> '$.isApproximate', 0)) as approximate,
        sum(coalesce(status = 'DEFERRED', 0)) as deferred, sum(coalesce(status = 'FAILURE', 0)) as failed
      from run_row where run = ? group by situation, action order by min(key)`
    return this.#session.all(text, [run])
  }

  async release(run: number): Promise<number> {
    const text = `update run_row set status = null, failure = null, ended = null where run = ? and status = 'DEFERRED'`
    return this.#writes.run((session) => session.run(text, [run]))
  }

  async unassessed(run: number, mapping: string): Promise<(string | null)[]> {
    const text = `select distinct r.source_id as id from run_row as r
      where r.run = ?1 and r.phase = 'source' and r.status = 'FAILURE' and r.situation = '' and r.target_key is null
        and not exists (select 1 from run_row as o join run as u on u.number = o.run where u.mapping = ?2
          and o.run > r.run and o.source_id = r.source_id and o.situation <> '')`
    const rows = this.#session.all<{ id: string | null }>(text, [run, mapping])
    return rows.map(({ id }) => id)
  }
}

const COMMON =
  'run, phase, qualifier, claims, situation, action, reason, status, ended, key, source_id, target_id, target_key'
const INTO_PLAIN = `insert into run_row (${COMMON})`
const INTO_ROWS = `insert into run_row (${COMMON}, failure, ambiguous, changes, work)`
const INTO_WORKS = 'insert into run_work (run, key, work)'

function insertGroup(
  session: Session,
  run: number,
  { shared, values, hasMore, count, works }: RowGroup,
  firstKey: number,
): void {
  const width = hasMore ? 7 : 3
  const keyed: unknown[] = []
  for (let index = 0; index < count; index++)
    keyed.push(firstKey + index, ...values.slice(index * width, (index + 1) * width))
  const into = hasMore ? INTO_ROWS : INTO_PLAIN
  insertRows(session, into, [run, ...shared], { width: width + 1, values: keyed })
  const keyedWorks = works.flatMap(([place, work]) => [firstKey + place, work])
  insertRows(session, INTO_WORKS, [run], { width: 2, values: keyedWorks })
}

/** The highest key that a row has or had; no other rows are added while a transaction is open. */
function lastKey(session: Session): number {
  const text = `select seq from sqlite_sequence where name = 'run_row'`
  return session.all<{ seq: number }>(text)[0]?.seq ?? 0
}

function finish(session: Session, outcomes: readonly Outcome[]): boolean[] {
  deleteLinks(
    session,
    outcomes.flatMap(({ removedLinks }) => removedLinks),
  )
  const links = outcomes.flatMap(({ newLink }) => newLink ?? [])
  const added = insertLinks(session, links).values()
  const linked = outcomes.map(({ newLink }) => (newLink ? added.next().value === true : true))
  const failure = JSON.stringify(LINK_EXISTS)
  setOutcomes(
    session,
    outcomes.map((outcome, index) => (linked[index] ? outcome : { ...outcome, status: 'FAILURE', failure })),
  )
  return linked
}

/** All outcomes of one kind together: there are few kinds, and most of a row is its kind. */
function setOutcomes(session: Session, outcomes: readonly Outcome[]): void {
  const ended = new Date().toISOString()
  const kinds = Map.groupBy(outcomes, ({ situation, action, status, failure }) =>
    [situation, action, status, failure].join('\u0000'),
  )
  for (const own of kinds.values()) {
    const [first] = own
    if (!first) continue
    const { situation, action, status, failure } = first
    const values = own.flatMap(({ key, targetId }) => [key, targetId])
    updateRows(session, SET_OUTCOME, [situation, action, status, failure, ended], { width: 2, values })
  }
}

const SET_OUTCOME = [
  `update run_row set situation = ?1, action = ?2, status = ?3, failure = ?4, ended = ?5, target_id = v.column2,
    work = null from`,
  'where run_row.key = v.column1',
] as const
