import type { RowSelection } from '../../runs/run-row.ts'
import type { Claim, RowCount, RowTally, WaitingRow } from '../../runs/run-rows.ts'
import { DamagedRow } from '../statements/damaged-row.ts'
import type { Database, Lock } from '../statements/database.ts'
import { insertRows, updateRows } from '../statements/insert-rows.ts'
import { all, first, run as runStatement, type Work } from '../statements/work.ts'
import { assertParticipates } from './participant-table.ts'
import { finishRows, type Outcome, type Seal } from './row-outcomes.ts'
import type { RowPlaces } from './row-places.ts'
import type { ImageTexts, IntendedRow, RowGroup, RowRecord, StoredRow } from './row-records.ts'
import type { RunParts } from './run-table.ts'
import type { ScratchRuns } from './scratch-runs.ts'
import type { Sealer, Stored } from './sealer.ts'

interface RowWriteOptions {
  readonly isDurable: boolean
  /** Of the participant that writes; undefined = the coordinator. */
  readonly ticket: number | undefined
}

/** The plans of all runs, with what is JSON as text. */
export class RowTable {
  readonly #db: Database
  readonly #places: RowPlaces
  readonly #sealer: Sealer
  readonly #scratch: ScratchRuns

  constructor({ db, sealer, places, scratch }: RunParts) {
    this.#db = db
    this.#places = places
    this.#sealer = sealer
    this.#scratch = scratch
  }

  /** Adds rows to a plan, in their order. */
  add(run: number, groups: readonly RowGroup[]): Promise<void> {
    if (groups.some(({ works }) => works.length > 0)) this.#scratch.use(run)
    return this.#db.write(() => this.#add(run, groups), { isDurable: false, locks: [lockOf(run)] })
  }

  async claimed(run: number, targetKeys: readonly string[]): Promise<Claim[]> {
    if (targetKeys.length === 0) return []
    const { dialect } = this.#db
    const text = `select r.target_key as target, r.qualifier, r.source_id as source
      from ${dialect.each('text')}
      ${dialect.lookUp('run_row as r', 'r.run = ? and r.target_key = wanted.value and r.claims = 1')}`
    return this.#db.run(all<Claim>(text, [dialect.list(targetKeys), run]))
  }

  async waiting(run: number, after: number, limit: number): Promise<RowRecord[]> {
    const text = `select r.key, r.phase, r.qualifier, r.source_id, r.target_id,
        r.target_key, r.claims, r.situation, r.action, r.reason, r.status, null as failure, r.ambiguous,
        r.changes, coalesce(w.work, r.work) as work, r.ended, r.intent
      from run_row as r left join run_work as w on w.key = r.key
      where r.run = ? and r.status is null and r.key > ? order by r.key limit ?`
    const rows = await this.#rows(text, [run, after, limit])
    this.#scratch.check(run)
    return rows
  }

  async waitingPlaces(run: number, after: number, limit: number): Promise<WaitingRow[]> {
    const text = `select key, phase, action, source_id as "sourceId" from run_row
      where run = ? and status is null and key > ? order by key limit ?`
    return this.#db.run(all<WaitingRow>(text, [run, after, limit]))
  }

  async after(run: number, after: number, limit: number, selection: RowSelection = {}): Promise<RowRecord[]> {
    const { situation, action, status } = selection
    const equal = Object.entries({ situation, action, status }).filter(([, value]) => value !== undefined)
    const conditions = ['run = ?', 'key > ?', ...equal.map(([column]) => `${column} = ?`)].join(' and ')
    const text = `select ${SHOWN} from run_row where ${conditions} order by key limit ?`
    return this.#rows(text, [run, after, ...equal.map(([, value]) => value), limit])
  }

  /** The rows of a complete plan at these places, as `placeOfRow` writes them. */
  async atPlaces(run: number, places: readonly string[]): Promise<RowRecord[]> {
    return (await this.#places.find(run, places)).map((row) => this.#unsealed(row))
  }

  async written(run: number, before: number, limit: number): Promise<(RowRecord & ImageTexts)[]> {
    const text = `${WRITTEN} and r.key < ? order by r.key desc limit ?`
    const rows = await this.#db.run(all<StoredRow & StoredImages>(text, [run, before, limit]))
    return rows.map((row) => this.#withImages(row))
  }

  async writtenByKeys(run: number, keys: readonly number[]): Promise<(RowRecord & ImageTexts)[]> {
    const { dialect } = this.#db
    const text = `${WRITTEN} and r.key ${dialect.among('integer')} order by r.key`
    const rows = await this.#db.run(all<StoredRow & StoredImages>(text, [run, dialect.list(keys)]))
    return rows.map((row) => this.#withImages(row))
  }

  /** Stores intents with this status. */
  intend(
    run: number,
    status: string | null,
    rows: readonly IntendedRow[],
    { isDurable, ticket }: RowWriteOptions,
  ): Promise<void> {
    const values = rows.flatMap(({ key, targetId, kind }) => [key, targetId, kind])
    const images = rows.flatMap(({ key, image }) =>
      image === null ? [] : [key, this.#sealer.seal(run, 'image', key, image)],
    )
    const { dialect } = this.#db
    return this.#db.write(
      function* () {
        yield* assertParticipates(ticket)
        yield* updateRows(dialect, SET_INTENT, [status], values, INTENT_TYPES)
        yield* insertRows(dialect, 'insert into run_image (key, image)', [], { width: 2, values: images }, NEW_IMAGE)
      },
      { isDurable },
    )
  }

  async unsettled(run: number, after: number, limit: number): Promise<RowRecord[]> {
    const text = `select ${SHOWN} from run_row where run = ? and intent is not null and key > ? order by key limit ?`
    return this.#rows(text, [run, after, limit])
  }

  async unsettledCreations(run: number, mapping: string, source?: string): Promise<RowRecord[]> {
    const only = source === undefined ? [] : [source]
    const text = `select key, phase, qualifier, source_id, target_id, target_key, claims, situation, action, '' as reason,
        status, null as failure, null as ambiguous, null as changes, null as work, ended, intent
      from run_row where run in (select number from run where mapping = ? and number <> ?)
        and intent is not null and action = 'CREATE'${only.map(() => ' and source_id = ?').join('')} order by key`
    return this.#db.run(all<RowRecord>(text, [mapping, run, ...only]))
  }

  async tally(run: number, keys?: readonly number[]): Promise<RowTally[]> {
    const { dialect } = this.#db
    const only = keys ? ` and key ${dialect.among('integer')}` : ''
    const text = `select phase, situation, action, status, claims, count(*) as count, count(target_id) as targets,
        sum(changing) as changing
      from run_row where run = ?${only} group by phase, situation, action, status, claims
      order by phase, situation, action, status nulls first, claims`
    return this.#db.run(all<RowTally>(text, keys ? [run, dialect.list(keys)] : [run]))
  }

  /** @returns for each whether its link was added */
  finish(run: number, outcomes: readonly Outcome[], { isDurable, ticket }: RowWriteOptions): Promise<boolean[]> {
    const [{ dialect }, seal] = [this.#db, this.#sealOf(run)]
    return this.#db.write(
      function* () {
        yield* assertParticipates(ticket)
        return yield* finishRows(dialect, outcomes, seal)
      },
      { isDurable },
    )
  }

  async countWaiting(run: number, action: string): Promise<number> {
    const text = 'select count(*) as count from run_row where run = ? and status is null and action = ?'
    return (await this.#db.run(first<{ count: number }>(text, [run, action])))?.count ?? 0
  }

  async countByKind(run: number): Promise<RowCount[]> {
    const text = `select situation, action, count(*) as count, count(*) filter (where status is null) as waiting,
        sum(changing) as changing, sum(writing) as writing, sum(approximate) as approximate,
        count(*) filter (where status = 'DEFERRED') as deferred, count(*) filter (where status = 'FAILURE') as failed,
        count(*) filter (where status = 'SKIPPED') as skipped
      from run_row where run = ? group by situation, action order by min(key)`
    return this.#db.run(all<RowCount>(text, [run]))
  }

  async release(run: number): Promise<number> {
    const text = `update run_row set status = null, failure = null, ended = null where run = ? and status = 'DEFERRED'`
    return this.#db.write(() => runStatement(text, [run]))
  }

  async unassessed(run: number, mapping: string): Promise<(string | null)[]> {
    // Reads the rows of later runs once, not once per source.
    const text = `with failed as materialized (select distinct source_id as id from run_row
        where run = ?1 and phase = 'source' and status = 'FAILURE' and situation = '' and target_key is null)
      select id from failed where id is null or id not in (select later.source_id
        from run as u cross join run_row as later
        where u.mapping = ?2 and u.number > ?1 and later.run = u.number and later.situation <> ''
          and later.source_id in (select id from failed))`
    const rows = await this.#db.run(all<{ id: string | null }>(text, [run, mapping]))
    return rows.map(({ id }) => id)
  }

  async #rows(text: string, parameters: readonly unknown[]): Promise<RowRecord[]> {
    return (await this.#db.run(all<StoredRow>(text, parameters))).map((row) => this.#unsealed(row))
  }

  *#add(run: number, groups: readonly RowGroup[]): Work<void> {
    const keys = yield* this.#db.dialect.nextKeys(
      'run_row',
      groups.reduce((sum, { count }) => sum + count, 0),
    )
    let start = 0
    for (const group of groups) {
      yield* this.#insertGroup(run, group, keys.slice(start, start + group.count))
      start += group.count
    }
  }

  *#insertGroup(
    run: number,
    { shared, reason, values, hasMore, works }: RowGroup,
    keys: readonly number[],
  ): Work<void> {
    const { dialect } = this.#db
    const keyed: unknown[] = []
    for (const [index, key] of keys.entries()) {
      if (hasMore) keyed.push(key, ...this.#sealed(run, key, reason, values, index * MORE_WIDTH))
      else keyed.push(key, ...values.slice(index * WIDTH, (index + 1) * WIDTH))
    }
    const common = [run, ...shared]
    if (hasMore) yield* insertRows(dialect, INTO_ROWS, common, { width: MORE_WIDTH + 2, values: keyed })
    else yield* insertRows(dialect, INTO_PLAIN, [...common, dialect.plain(reason)], { width: WIDTH + 1, values: keyed })
    const keyedWorks = works.flatMap(([place, work]) => [keys[place], dialect.plain(work)])
    yield* insertRows(dialect, INTO_WORKS, [run], { width: 2, values: keyedWorks })
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
    const why = failure === null ? this.#db.dialect.plain(reason) : seal('reason', reason)
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

const INTENT_TYPES = ['integer', 'text', 'text'] as const
const NEW_IMAGE = ' on conflict (key) do update set image = excluded.image, outcome = null'

/** Whoever adds rows to a plan holds it: their keys rise in the order of the plan. */
const lockOf = (run: number): Lock => ({ name: `run/${run}` })

const SET_INTENT = [
  'update run_row set status = ?1, target_id = v.column2, intent = v.column3 from',
  'where run_row.key = v.column1',
] as const
