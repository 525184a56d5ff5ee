import type { RowSelection } from '../../runs/run-row.ts'
import type { Claim, RowCount, RowTally } from '../../runs/run-rows.ts'
import { DamagedRow } from '../database/damaged-row.ts'
import { insertRows, updateRows } from '../database/insert-rows.ts'
import type { Session } from '../database/session.ts'
import type { RunRowTable } from '../database/tables.ts'
import type { WriteQueue } from '../database/write-queue.ts'
import { finishRows, type Outcome, type Seal } from './row-outcomes.ts'
import type { RowPlaces } from './row-places.ts'
import type { Sealer, Stored } from './sealer.ts'

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

/** The plans of all runs, with what is JSON as text. */
export class RowTable {
  readonly #session: Session
  readonly #writes: WriteQueue
  readonly #places: RowPlaces
  readonly #sealer: Sealer

  constructor(session: Session, writes: WriteQueue, sealer: Sealer, places: RowPlaces) {
    this.#session = session
    this.#writes = writes
    this.#places = places
    this.#sealer = sealer
  }

  /** Adds rows to a plan, in their order. */
  add(run: number, groups: readonly RowGroup[]): Promise<void> {
    return this.#writes.run(
      (session) => {
        let last = lastKey(session)
        for (const group of groups) {
          this.#insertGroup(session, run, group, last + 1)
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
        r.changes, coalesce(w.work, r.work) as work, r.ended, r.intent
      from run_row as r left join run_work as w on w.key = r.key
      where r.run = ? and r.status is null and r.key > ? order by r.key limit ?`
    return this.#session.all<StoredRow>(text, [run, after, limit]).map((row) => this.#unsealed(row))
  }

  async after(run: number, after: number, limit: number, selection: RowSelection = {}): Promise<RowRecord[]> {
    const { situation, action, status } = selection
    const equal = Object.entries({ situation, action, status }).filter(([, value]) => value !== undefined)
    const conditions = ['run = ?', 'key > ?', ...equal.map(([column]) => `${column} = ?`)].join(' and ')
    const text = `select ${SHOWN} from run_row where ${conditions} order by key limit ?`
    const parameters = [run, after, ...equal.map(([, value]) => value), limit]
    return this.#session.all<StoredRow>(text, parameters).map((row) => this.#unsealed(row))
  }

  /** The rows of a complete plan at these places, as `placeOfRow` writes them. */
  async atPlaces(run: number, places: readonly string[]): Promise<RowRecord[]> {
    return (await this.#places.find(run, places)).map((row) => this.#unsealed(row))
  }

  async written(run: number, before: number, limit: number): Promise<(RowRecord & ImageTexts)[]> {
    const text = `${WRITTEN} and r.key < ? order by r.key desc limit ?`
    return this.#session.all<StoredRow & StoredImages>(text, [run, before, limit]).map((row) => this.#withImages(row))
  }

  async writtenByKeys(run: number, keys: readonly number[]): Promise<(RowRecord & ImageTexts)[]> {
    const text = `${WRITTEN} and r.key in (select value from json_each(?))`
    const rows = this.#session.all<StoredRow & StoredImages>(text, [run, JSON.stringify(keys)])
    return rows.map((row) => this.#withImages(row))
  }

  /** Stores intents with this status. */
  intend(run: number, status: string | null, rows: readonly IntendedRow[], isDurable: boolean): Promise<void> {
    const values = rows.flatMap(({ key, targetId, kind }) => [key, targetId, kind])
    const images = rows.flatMap(({ key, image }) =>
      image === null ? [] : [key, this.#sealer.seal(run, 'image', key, image)],
    )
    return this.#writes.run(
      (session) => {
        updateRows(session, SET_INTENT, [status], { width: 3, values })
        insertRows(session, 'insert or replace into run_image (key, image)', [], { width: 2, values: images })
      },
      { isDurable },
    )
  }

  async unsettled(run: number, after: number, limit: number): Promise<RowRecord[]> {
    const text = `select ${SHOWN} from run_row where run = ? and intent is not null and key > ? order by key limit ?`
    return this.#session.all<StoredRow>(text, [run, after, limit]).map((row) => this.#unsealed(row))
  }

  async unsettledCreations(run: number, mapping: string): Promise<RowRecord[]> {
    const text = `select key, phase, qualifier, source_id, target_id, target_key, claims, situation, action, '' as reason,
        status, null as failure, null as ambiguous, null as changes, null as work, ended, intent
      from run_row where run in (select number from run where mapping = ? and number <> ?)
        and intent is not null and action = 'CREATE' order by key`
    return this.#session.all(text, [mapping, run])
  }

  async tally(run: number): Promise<RowTally[]> {
    const text = `select phase, situation, action, status, claims, count(*) as count, count(target_id) as targets,
        sum(changing) as changing
      from run_row where run = ? group by phase, situation, action, status, claims`
    return this.#session.all(text, [run])
  }

  /** @returns for each whether its link was added */
  finish(run: number, outcomes: readonly Outcome[], isDurable: boolean): Promise<boolean[]> {
    return this.#writes.run((session) => finishRows(session, outcomes, this.#sealOf(run)), { isDurable })
  }

  async countWaiting(run: number, action: string): Promise<number> {
    const text = 'select count(*) as count from run_row where run = ? and status is null and action = ?'
    return this.#session.all<{ count: number }>(text, [run, action])[0]?.count ?? 0
  }

  async countByKind(run: number): Promise<RowCount[]> {
    const text = `select situation, action, count(*) as count, sum(status is null) as waiting,
        sum(changing) as changing, sum(writing) as writing, sum(approximate) as approximate,
        sum(coalesce(status = 'DEFERRED', 0)) as deferred, sum(coalesce(status = 'FAILURE', 0)) as failed,
        sum(coalesce(status = 'SKIPPED', 0)) as skipped
      from run_row where run = ? group by situation, action order by min(key)`
    return this.#session.all(text, [run])
  }

  async release(run: number): Promise<number> {
    const text = `update run_row set status = null, failure = null, ended = null where run = ? and status = 'DEFERRED'`
    return this.#writes.run((session) => session.run(text, [run]))
  }

  async unassessed(run: number, mapping: string): Promise<(string | null)[]> {
    // Reads the rows of later runs once, not once per source.
    const text = `with failed as materialized (select distinct source_id as id from run_row
        where run = ?1 and phase = 'source' and status = 'FAILURE' and situation = '' and target_key is null)
      select id from failed where id is null or id not in (select later.source_id
        from run as u cross join run_row as later
        where u.mapping = ?2 and u.number > ?1 and later.run = u.number and later.situation <> ''
          and later.source_id in (select id from failed))`
    const rows = this.#session.all<{ id: string | null }>(text, [run, mapping])
    return rows.map(({ id }) => id)
  }

  #insertGroup(
    session: Session,
    run: number,
    { shared, reason, values, hasMore, count, works }: RowGroup,
    firstKey: number,
  ): void {
    const keyed: unknown[] = []
    if (hasMore)
      for (let index = 0; index < count; index++)
        keyed.push(firstKey + index, ...this.#sealed(run, firstKey + index, reason, values, index * MORE_WIDTH))
    else
      for (let index = 0; index < count; index++)
        keyed.push(firstKey + index, ...values.slice(index * WIDTH, (index + 1) * WIDTH))
    if (hasMore) insertRows(session, INTO_ROWS, [run, ...shared], { width: MORE_WIDTH + 2, values: keyed })
    else insertRows(session, INTO_PLAIN, [run, ...shared, reason], { width: WIDTH + 1, values: keyed })
    const keyedWorks = works.flatMap(([place, work]) => [firstKey + place, work])
    insertRows(session, INTO_WORKS, [run], { width: 2, values: keyedWorks })
  }

  /** The values of one row of a group, in the order of `INTO_ROWS`. */
  #sealed(run: number, key: number, reason: string, values: readonly unknown[], start: number): unknown[] {
    const [sourceId, targetId, targetKey, failure, ambiguous, changes, work, ...counted] = values.slice(
      start,
      start + MORE_WIDTH,
    )
    const seal = (column: 'reason' | 'failure' | 'changes' | 'work', text: unknown): unknown =>
      typeof text === 'string' ? this.#sealer.seal(run, column, key, text) : null
    // The message of a failure is its reason as well.
    const why = failure === null ? reason : seal('reason', reason)
    const texts = [seal('failure', failure), ambiguous, seal('changes', changes), seal('work', work)]
    return [sourceId, targetId, targetKey, why, ...texts, ...counted]
  }

  #unsealed(row: StoredRow): RowRecord {
    const { key } = row
    const unseal = (column: 'reason' | 'failure' | 'changes' | 'work', stored: Stored): string | null => {
      try {
        return this.#sealer.unseal(column, key, stored)
      } catch (error) {
        throw new DamagedRow('run_row', String(key), error)
      }
    }
    // In place: a copy of each row takes longer than its decryption.
    row.reason = unseal('reason', row.reason) ?? ''
    row.failure = unseal('failure', row.failure)
    row.changes = unseal('changes', row.changes)
    row.work = unseal('work', row.work)
    return row as RowRecord
  }

  #withImages({ image, outcome, ...row }: StoredRow & StoredImages): RowRecord & ImageTexts {
    try {
      const texts = {
        image: this.#sealer.unseal('image', row.key, image),
        outcome: this.#sealer.unseal('outcome', row.key, outcome),
      }
      return { ...this.#unsealed(row), ...texts }
    } catch (error) {
      throw error instanceof DamagedRow ? error : new DamagedRow('run_image', String(row.key), error)
    }
  }

  #sealOf(run: number): Seal {
    return (column, key, text) => this.#sealer.seal(run, column, key, text)
  }
}

type StoredImages = { readonly [Name in keyof ImageTexts]: Uint8Array | null }

/** UPDATE rows that succeeded have changes or an image if they have written. */
const WRITTEN = `select r.key, r.run, r.phase, r.qualifier, r.source_id, r.target_id, r.target_key, r.claims, r.situation,
    r.action, r.reason, r.status, null as failure, null as ambiguous, r.changes, null as work, r.ended, r.intent,
    i.image, i.outcome
  from run_row as r left join run_image as i on i.key = r.key
  where r.run = ? and r.status in ('SUCCESS', 'FAILURE', 'INTENDED', 'UNKNOWN')
    and r.action in ('CREATE', 'UPDATE', 'DELETE', 'LINK', 'UNLINK')
    and (r.action <> 'UPDATE' or r.changing = 1 or i.key is not null)
    and (r.status <> 'FAILURE' or i.outcome is not null or (r.action = 'CREATE' and r.intent is not null))`

const SHOWN = `key, run, phase, qualifier, source_id, target_id, target_key, claims, situation, action, reason, status,
  failure, ambiguous, changes, work, ended, intent`
const COMMON = 'run, phase, qualifier, claims, situation, action, status, ended'
const OWN = 'key, source_id, target_id, target_key'
const MORE = 'failure, ambiguous, changes, work, changing, writing, approximate'
const WIDTH = 3
const MORE_WIDTH = 10
const INTO_PLAIN = `insert into run_row (${COMMON}, reason, ${OWN})`
const INTO_ROWS = `insert into run_row (${COMMON}, ${OWN}, reason, ${MORE})`
const INTO_WORKS = 'insert into run_work (run, key, work)'

/** The highest key that a row has or had; no other rows are added while a transaction is open. */
function lastKey(session: Session): number {
  const text = `select seq from sqlite_sequence where name = 'run_row'`
  return session.all<{ seq: number }>(text)[0]?.seq ?? 0
}

const SET_INTENT = [
  'update run_row set status = ?1, target_id = v.column2, intent = v.column3 from',
  'where run_row.key = v.column1',
] as const
