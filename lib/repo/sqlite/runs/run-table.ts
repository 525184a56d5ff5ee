import { setImmediate as turn } from 'node:timers/promises'
import type { RowPart } from '../../runs/run-store.ts'
import type { Session } from '../database/session.ts'
import type { RunTable as RunRecord } from '../database/tables.ts'
import type { WriteQueue } from '../database/write-queue.ts'

export type { RunRecord }

const SCRATCH = ['run_value', 'run_source', 'run_object', 'run_work'] as const

/** Rows that one delete takes. */
const DELETED_AT_ONCE = 5000

/** Runs with their content as JSON text. */
export class RunTable {
  readonly #session: Session
  readonly #writes: WriteQueue

  constructor(session: Session, writes: WriteQueue) {
    this.#session = session
    this.#writes = writes
  }

  async insert({ id, mapping, state, is_analysis, persists, content }: Omit<RunRecord, 'number'>): Promise<number> {
    const text = `insert into run (id, mapping, state, is_analysis, persists, content) values (?, ?, ?, ?, ?, ?)
      returning number`
    const values = [id, mapping, state, is_analysis, persists, content]
    const rows = await this.#writes.run((session) => session.all<{ number: number }>(text, values))
    return rows[0]?.number ?? 0
  }

  async update(number: number, state: string, content: string): Promise<void> {
    await this.#write('update run set state = ?, content = ? where number = ?', [state, content, number])
  }

  async all(): Promise<RunRecord[]> {
    return this.#session.all('select * from run order by number')
  }

  async find(id: string): Promise<RunRecord | undefined> {
    return this.#session.all<RunRecord>('select * from run where id = ?', [id])[0]
  }

  async remove(number: number): Promise<void> {
    await this.removeRows(number)
    await this.#write('delete from run where number = ?', [number])
  }

  async removeRows(number: number): Promise<void> {
    await this.#write('update run set persists = 0 where number = ?', [number])
    await this.#removeAll('run_row', number)
  }

  async moveOpenRows(from: number, to: number): Promise<void> {
    await this.#write('update run_row set run = ? where run = ? and status is null', [to, from])
  }

  moveRows(from: number, to: number, part?: RowPart): Promise<number> {
    return this.#writes.run((session) => {
      if (part) return movePart(session, from, to, part)
      session.run('update run set persists = 0 where number = ?', [from])
      return session.run('update run_row set run = ? where run = ?', [to, from])
    })
  }

  returnRows(from: number, to: number): Promise<void> {
    return this.#writes.run((session) => {
      session.run('update run_row set run = ? where run = ?', [to, from])
      session.run('update run set persists = 1 where number = ?', [to])
    })
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

  async #write(text: string, values: readonly unknown[]): Promise<void> {
    await this.#writes.run((session) => session.run(text, values))
  }

  /** In pieces, with other work in between. */
  async #removeAll(table: 'run_row' | (typeof SCRATCH)[number], number: number): Promise<void> {
    const text = `delete from ${table} where ${IN_PIECES[table]} limit ${DELETED_AT_ONCE})`
    while ((await this.#writes.run((session) => session.run(text, [number]))) === DELETED_AT_ONCE) await turn()
  }
}

function movePart(session: Session, from: number, to: number, { actions, limit = -1, takesDeferred }: RowPart): number {
  const open = takesDeferred ? `(status is null or status = 'DEFERRED')` : 'status is null'
  const text = `update run_row set run = ? where key in (select key from run_row
    where run = ? and ${open} and action in (select value from json_each(?)) order by key limit ?)`
  return session.run(text, [to, from, JSON.stringify(actions), limit])
}

/** Finds the rows of a run by the key of the table. */
const IN_PIECES = {
  run_row: 'key in (select key from run_row where run = ?',
  run_object: 'rowid in (select rowid from run_object where run = ?',
  run_value: '(run, field, order_key, object) in (select run, field, order_key, object from run_value where run = ?',
  run_work: 'key in (select key from run_work where run = ?',
  run_source: '(run, key) in (select run, key from run_source where run = ?',
}
