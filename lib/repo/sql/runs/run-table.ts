import { setImmediate as turn } from 'node:timers/promises'
import type { RowPart } from '../../runs/run-store.ts'
import type { Database } from '../statements/database.ts'
import type { Dialect } from '../statements/dialect.ts'
import type { RunTable as StoredRecord } from '../statements/tables.ts'
import { all, first, run as runStatement, type Work } from '../statements/work.ts'
import type { RowPlaces } from './row-places.ts'
import { type DataKey, deleteKeys, insertKey, shareKeys } from './run-key-table.ts'
import type { ScratchRuns } from './scratch-runs.ts'
import type { Sealer, Stored } from './sealer.ts'

/** A run with what is JSON as text. The content is null when it cannot be decrypted. */
export type RunRecord = Omit<StoredRecord, 'content' | 'resume'> & Record<'content' | 'resume', string | null>

export type NewRunRecord = Omit<RunRecord, 'number' | 'content'> & { readonly content: string }

const SCRATCH = ['run_value', 'run_source', 'run_object', 'run_work'] as const

/** Rows that one delete takes. */
const DELETED_AT_ONCE = 5000

/** What the tables of runs share. */
export interface RunParts {
  readonly db: Database
  readonly sealer: Sealer
  readonly places: RowPlaces
  readonly scratch: ScratchRuns
}

/** Runs. Their content and what resuming them needs are stored encrypted. */
export class RunTable {
  readonly #db: Database
  readonly #sealer: Sealer
  readonly #places: RowPlaces
  readonly #scratch: ScratchRuns

  constructor({ db, sealer, places, scratch }: RunParts) {
    this.#db = db
    this.#sealer = sealer
    this.#places = places
    this.#scratch = scratch
  }

  /** @param wrapped the data key in encrypted form */
  insert(run: NewRunRecord, { key, bytes }: DataKey, wrapped: string): Promise<number> {
    const { id, mapping, state, is_analysis, persists, content, resume } = run
    const text = `insert into run (id, mapping, state, is_analysis, persists, content)
      values (?, ?, ?, ?, ?, '')
      returning number`
    const values = [id, mapping, state, is_analysis, persists]
    const sealed = (number: number) => {
      this.#sealer.open(key, bytes)
      this.#sealer.use(number, key)
      return [this.#sealed(number, 'content', content), this.#sealed(number, 'resume', resume)]
    }
    return this.#db.write(function* () {
      const number = (yield* first<{ number: number }>(text, values))?.number ?? 0
      yield* insertKey({ run: number, key, wrapped })
      yield* runStatement('update run set content = ?, resume = ? where number = ?', [...sealed(number), number])
      return number
    })
  }

  async update(number: number, state: string, content: string): Promise<void> {
    const values = [state, this.#sealed(number, 'content', content), number]
    await this.#write('update run set state = ?, content = ? where number = ?', values)
  }

  async keep(number: number, resume: string): Promise<void> {
    await this.#write('update run set resume = ? where number = ?', [this.#sealed(number, 'resume', resume), number])
  }

  removeImages(number: number): Promise<void> {
    return this.#removeAll('run_image', number)
  }

  removeUnwritten(number: number): Promise<void> {
    return this.#removeAll('unwritten', number)
  }

  async restart(number: number): Promise<void> {
    await this.removeImages(number)
    await this.#removeAll('run_row', number)
    await this.#places.forget(number)
  }

  async all(): Promise<RunRecord[]> {
    const runs = await this.#db.run(all<StoredRecord>('select * from run order by number'))
    return runs.map((run) => this.#readable(run))
  }

  async find(id: string): Promise<RunRecord | undefined> {
    const run = await this.#db.run(first<StoredRecord>('select * from run where id = ?', [id]))
    return run && this.#readable(run)
  }

  /** The run is gone at once; its rows follow in pieces. */
  async remove(number: number): Promise<void> {
    const keys = await this.#db.write(function* () {
      yield* runStatement('delete from run where number = ?', [number])
      return yield* deleteKeys(number)
    })
    this.#sealer.forget(number, keys)
    await this.removeImages(number)
    await this.#removeAll('run_row', number)
  }

  /** Removes rows whose run is gone: the process ended before they followed it. */
  async removeOrphans(): Promise<void> {
    await this.#clearOthers()
    const text = `${RUNS_WITH_ROWS} select run from present
      where run is not null and not exists (select 1 from run as r where r.number = present.run)`
    const rows = await this.#db.run(all<{ run: number }>(text))
    for (const { run } of rows) {
      await this.removeImages(run)
      await this.#removeAll('run_row', run)
    }
  }

  /** What processes that have ended left in scratch tables. */
  async #clearOthers(): Promise<void> {
    const { dialect } = this.#db
    if (!dialect.outlivesProcess) return
    for (const table of SCRATCH) {
      const text = `delete from ${table} where not (run ${dialect.among('integer')})`
      await this.#db.run(runStatement(text, [dialect.list(this.#scratch.numbers)]))
    }
  }

  async removeRows(number: number): Promise<void> {
    await this.#write('update run set persists = 0 where number = ?', [number])
    await this.removeImages(number)
    await this.#removeAll('run_row', number)
  }

  async moveOpenRows(from: number, to: number): Promise<void> {
    await this.#db.write(function* () {
      yield* shareKeys(from, to)
      yield* runStatement('update run_row set run = ? where run = ? and status is null', [to, from])
    })
  }

  moveRows(from: number, to: number, part?: RowPart, content?: string): Promise<number> {
    const { dialect } = this.#db
    const replace = () => this.#replace(from, content)
    return this.#db.write(function* () {
      yield* shareKeys(from, to)
      yield* replace()
      if (part) return yield* movePart(dialect, from, to, part)
      yield* runStatement('update run set persists = 0 where number = ?', [from])
      return yield* runStatement('update run_row set run = ? where run = ?', [to, from])
    })
  }

  async returnRows(from: number, to: number, content?: string): Promise<void> {
    const replace = () => this.#replace(to, content)
    await this.#db.write(function* () {
      yield* shareKeys(from, to)
      yield* replace()
      yield* runStatement('update run_row set run = ? where run = ?', [to, from])
      yield* runStatement('update run set persists = 1 where number = ?', [to])
    })
    await this.#places.forget(to)
  }

  async clear(number: number): Promise<void> {
    for (const table of SCRATCH) {
      const text = `select 1 as others from ${table} where run <> ? limit 1`
      // All of a table goes at once.
      if (await this.#db.run(first(text, [number]))) await this.#removeAll(table, number)
      else await this.#db.run(runStatement(`delete from ${table}`))
    }
    this.#scratch.forget(number)
  }

  *#replace(number: number, content: string | undefined): Work<void> {
    if (content === undefined) return
    const values = [this.#sealed(number, 'content', content), number]
    yield* runStatement('update run set content = ? where number = ?', values)
  }

  #sealed(number: number, column: 'content' | 'resume', text: string | null): Uint8Array | null {
    return text === null ? null : this.#sealer.seal(number, column, number, text)
  }

  #readable({ content, resume, ...run }: StoredRecord): RunRecord {
    const unseal = (column: 'content' | 'resume', stored: Stored) => this.#sealer.unseal(column, run.number, stored)
    try {
      return { ...run, content: unseal('content', content), resume: unseal('resume', resume) }
    } catch {
      return { ...run, content: null, resume: null }
    }
  }

  async #write(text: string, values: readonly unknown[]): Promise<void> {
    await this.#db.write(() => runStatement(text, values))
  }

  /** In pieces, with other work in between. */
  async #removeAll(what: keyof typeof IN_PIECES, number: number): Promise<void> {
    const table = what === 'unwritten' ? 'run_row' : what
    const text = `delete from ${table} where ${IN_PIECES[what]} limit ${DELETED_AT_ONCE})`
    while ((await this.#db.write(() => runStatement(text, [number]))) === DELETED_AT_ONCE) await turn()
  }
}

function movePart(
  dialect: Dialect,
  from: number,
  to: number,
  { actions, limit = Number.MAX_SAFE_INTEGER, takesDeferred }: RowPart,
): Work<number> {
  const open = takesDeferred ? `(status is null or status = 'DEFERRED')` : 'status is null'
  const text = `update run_row set run = ? where key in (select key from run_row
    where run = ? and ${open} and action ${dialect.among('text')} order by key limit ?)`
  return runStatement(text, [to, from, dialect.list(actions), limit])
}

/** One look into the index for each run: `select distinct` would read all of it. */
const RUNS_WITH_ROWS = `with recursive present (run) as (select min(run) from run_row
  union all select (select min(run) from run_row where run > present.run) from present where present.run is not null)`

/** Finds the rows of a run by the key of the table. */
const IN_PIECES = {
  run_row: 'key in (select key from run_row where run = ?',
  run_image: 'key in (select i.key from run_row as r join run_image as i on i.key = r.key where r.run = ?',
  unwritten: `key in (select r.key from run_row as r where r.run = ? and r.status = 'SUCCESS'
    and (r.action = 'UPDATE' or r.action not in ('CREATE', 'DELETE', 'LINK', 'UNLINK')) and r.changing = 0
    and not exists (select 1 from run_image as i where i.key = r.key)`,
  run_object: 'place in (select place from run_object where run = ?',
  run_value: '(run, field, order_key, object) in (select run, field, order_key, object from run_value where run = ?',
  run_work: 'key in (select key from run_work where run = ?',
  run_source: '(run, key) in (select run, key from run_source where run = ?',
}
