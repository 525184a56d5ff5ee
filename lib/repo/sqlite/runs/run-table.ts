import { setImmediate as turn } from 'node:timers/promises'
import type { RowPart } from '../../runs/run-store.ts'
import type { Session } from '../database/session.ts'
import type { RunTable as StoredRecord } from '../database/tables.ts'
import type { WriteQueue } from '../database/write-queue.ts'
import type { RowPlaces } from './row-places.ts'
import { type DataKey, deleteKeys, insertKey, shareKeys } from './run-key-table.ts'
import type { Sealer, Stored } from './sealer.ts'

/** A run with what is JSON as text. The content is null when it cannot be decrypted. */
export type RunRecord = Omit<StoredRecord, 'content' | 'resume'> & Record<'content' | 'resume', string | null>

export type NewRunRecord = Omit<RunRecord, 'number' | 'content'> & { readonly content: string }

const SCRATCH = ['run_value', 'run_source', 'run_object', 'run_work'] as const

/** Rows that one delete takes. */
const DELETED_AT_ONCE = 5000

/** Runs. Their content and what resuming them needs are stored encrypted. */
export class RunTable {
  readonly #session: Session
  readonly #writes: WriteQueue
  readonly #sealer: Sealer
  readonly #places: RowPlaces

  constructor(session: Session, writes: WriteQueue, sealer: Sealer, places: RowPlaces) {
    this.#session = session
    this.#writes = writes
    this.#sealer = sealer
    this.#places = places
  }

  /** @param wrapped the data key in encrypted form */
  insert(run: NewRunRecord, { key, bytes }: DataKey, wrapped: string): Promise<number> {
    const { id, mapping, state, is_analysis, persists, content, resume } = run
    const text = `insert into run (id, mapping, state, is_analysis, persists, content)
      values (?, ?, ?, ?, ?, '')
      returning number`
    return this.#writes.run((session) => {
      const values = [id, mapping, state, is_analysis, persists]
      const number = session.all<{ number: number }>(text, values)[0]?.number ?? 0
      insertKey(session, { run: number, key, wrapped })
      this.#sealer.open(key, bytes)
      this.#sealer.use(number, key)
      const sealed = [this.#sealed(number, 'content', content), this.#sealed(number, 'resume', resume)]
      session.run('update run set content = ?, resume = ? where number = ?', [...sealed, number])
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
    this.#places.forget(number)
  }

  async all(): Promise<RunRecord[]> {
    return this.#session.all<StoredRecord>('select * from run order by number').map((run) => this.#readable(run))
  }

  async find(id: string): Promise<RunRecord | undefined> {
    const [run] = this.#session.all<StoredRecord>('select * from run where id = ?', [id])
    return run && this.#readable(run)
  }

  /** The run is gone at once; its rows follow in pieces. */
  async remove(number: number): Promise<void> {
    const keys = await this.#writes.run((session) => {
      session.run('delete from run where number = ?', [number])
      return deleteKeys(session, number)
    })
    this.#sealer.forget(number, keys)
    await this.removeImages(number)
    await this.#removeAll('run_row', number)
  }

  /** Removes rows whose run is gone: the process ended before they followed it. */
  async removeOrphans(): Promise<void> {
    const rows = this.#session.all<{ run: number }>(`${RUNS_WITH_ROWS} select run from present
      where run is not null and not exists (select 1 from run as r where r.number = present.run)`)
    for (const { run } of rows) {
      await this.removeImages(run)
      await this.#removeAll('run_row', run)
    }
  }

  async removeRows(number: number): Promise<void> {
    await this.#write('update run set persists = 0 where number = ?', [number])
    await this.removeImages(number)
    await this.#removeAll('run_row', number)
  }

  async moveOpenRows(from: number, to: number): Promise<void> {
    await this.#writes.run((session) => {
      shareKeys(session, from, to)
      session.run('update run_row set run = ? where run = ? and status is null', [to, from])
    })
  }

  moveRows(from: number, to: number, part?: RowPart, content?: string): Promise<number> {
    return this.#writes.run((session) => {
      shareKeys(session, from, to)
      this.#replace(session, from, content)
      if (part) return movePart(session, from, to, part)
      session.run('update run set persists = 0 where number = ?', [from])
      return session.run('update run_row set run = ? where run = ?', [to, from])
    })
  }

  async returnRows(from: number, to: number, content?: string): Promise<void> {
    await this.#writes.run((session) => {
      shareKeys(session, from, to)
      this.#replace(session, to, content)
      session.run('update run_row set run = ? where run = ?', [to, from])
      session.run('update run set persists = 1 where number = ?', [to])
    })
    this.#places.forget(to)
  }

  async clear(number: number): Promise<void> {
    for (const table of SCRATCH) {
      const text = `select exists (select 1 from ${table} where run <> ?) as others`
      // All of a table goes at once.
      if (this.#session.all<{ others: number }>(text, [number])[0]?.others === 0)
        this.#session.run(`delete from ${table}`)
      else await this.#removeAll(table, number)
    }
  }

  #replace(session: Session, number: number, content: string | undefined): void {
    if (content !== undefined)
      session.run('update run set content = ? where number = ?', [this.#sealed(number, 'content', content), number])
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
    await this.#writes.run((session) => session.run(text, values))
  }

  /** In pieces, with other work in between. */
  async #removeAll(what: keyof typeof IN_PIECES, number: number): Promise<void> {
    const table = what === 'unwritten' ? 'run_row' : what
    const text = `delete from ${table} where ${IN_PIECES[what]} limit ${DELETED_AT_ONCE})`
    while ((await this.#writes.run((session) => session.run(text, [number]))) === DELETED_AT_ONCE) await turn()
  }
}

function movePart(session: Session, from: number, to: number, { actions, limit = -1, takesDeferred }: RowPart): number {
  const open = takesDeferred ? `(status is null or status = 'DEFERRED')` : 'status is null'
  const text = `update run_row set run = ? where key in (select key from run_row
    where run = ? and ${open} and action in (select value from json_each(?)) order by key limit ?)`
  return session.run(text, [to, from, JSON.stringify(actions), limit])
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
  run_object: 'rowid in (select rowid from run_object where run = ?',
  run_value: '(run, field, order_key, object) in (select run, field, order_key, object from run_value where run = ?',
  run_work: 'key in (select key from run_work where run = ?',
  run_source: '(run, key) in (select run, key from run_source where run = ?',
}
