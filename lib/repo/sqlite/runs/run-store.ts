import { setImmediate as turn } from 'node:timers/promises'
import type { JsonObject } from '../../../contract.ts'
import { parseStoredJson } from '../../../core/json.ts'
import { sql } from '../database/kysely.ts'
import { createRunScratch } from '../database/sync-tables.ts'
import type { Database } from '../database/tables.ts'
import { RunRows } from './run-rows.ts'
import { RunSnapshot } from './run-snapshot.ts'

export interface StoredRun {
  readonly id: string
  readonly number: number
  readonly mapping: string
  readonly state: string
  readonly isAnalysis: boolean
  readonly persists: boolean
  readonly content: JsonObject
}

const SCRATCH = ['run_value', 'run_source', 'run_object', 'run_work'] as const

export type NewRun = Omit<StoredRun, 'number'>

/** Reconciliations: what is shown of them, what they saw, and their plans. */
export class RunStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** @returns its number */
  async insert({ id, mapping, state, isAnalysis, persists, content }: NewRun): Promise<number> {
    const { number } = await this.#database
      .insertInto('run')
      .values({
        id,
        mapping,
        state,
        is_analysis: Number(isAnalysis),
        persists: Number(persists),
        content: JSON.stringify(content),
      })
      .returning('number')
      .executeTakeFirstOrThrow()
    return number
  }

  async update(number: number, state: string, content: JsonObject): Promise<void> {
    await this.#database
      .updateTable('run')
      .set({ state, content: JSON.stringify(content) })
      .where('number', '=', number)
      .execute()
  }

  /** From the oldest to the latest. */
  async all(): Promise<StoredRun[]> {
    const rows = await this.#database.selectFrom('run').selectAll().orderBy('number').execute()
    return rows.map(({ is_analysis, persists, content, ...row }) => ({
      ...row,
      isAnalysis: is_analysis === 1,
      persists: persists === 1,
      content: parseStoredJson(content) as JsonObject,
    }))
  }

  async find(id: string): Promise<StoredRun | undefined> {
    return (await this.all()).find((run) => run.id === id)
  }

  /** Forgets a run with its plan. */
  async remove(number: number): Promise<void> {
    await this.clear(number)
    await this.removeRows(number)
    await this.#database.deleteFrom('run').where('number', '=', number).execute()
  }

  /** Forgets the plan of a run, but not the run. */
  async removeRows(number: number): Promise<void> {
    await this.#database.updateTable('run').set({ persists: 0 }).where('number', '=', number).execute()
    await this.#removeAll('run_row', number)
  }

  /** Makes the open rows of one run those of another. */
  async moveOpenRows(from: number, to: number): Promise<void> {
    await this.#database
      .updateTable('run_row')
      .set({ run: to })
      .where('run', '=', from)
      .where('status', 'is', null)
      .execute()
  }

  /** Makes the plan of one run that of another. */
  async moveRows(from: number, to: number): Promise<void> {
    await this.#database.updateTable('run_row').set({ run: to }).where('run', '=', from).execute()
    await this.#database.updateTable('run').set({ persists: 0 }).where('number', '=', from).execute()
  }

  /** Forgets what a run saw, as soon as it needs it no more. */
  async clear(number: number): Promise<void> {
    await createRunScratch(this.#database)
    for (const table of SCRATCH) {
      const { rows } = await sql<{ others: number }>`select exists (select 1 from ${sql.table(table)}
        where run <> ${number}) as others`.execute(this.#database)
      // All of a table goes at once.
      if (rows[0]?.others === 0) await this.#database.deleteFrom(table).execute()
      else await this.#removeAll(table, number)
    }
  }

  async snapshot(number: number): Promise<RunSnapshot> {
    await createRunScratch(this.#database)
    return new RunSnapshot(this.#database, number)
  }

  rows(number: number): RunRows {
    return new RunRows(this.#database, number)
  }

  /** In pieces, so that others have their turn. */
  async #removeAll(table: 'run_row' | (typeof SCRATCH)[number], number: number): Promise<void> {
    const name = sql.table(table)
    const some = {
      run_row: sql`key in (select key from run_row where run = ${number} limit 5000)`,
      run_object: sql`rowid in (select rowid from run_object where run = ${number} limit 5000)`,
      run_value: sql`(run, field, order_key, object) in (select run, field, order_key, object from run_value where run = ${number} limit 5000)`,
      run_work: sql`key in (select key from run_work where run = ${number} limit 5000)`,
      run_source: sql`(run, key) in (select run, key from run_source where run = ${number} limit 5000)`,
    }[table]
    for (;;) {
      const { numAffectedRows } = await sql`delete from ${name} where ${some}`.execute(this.#database)
      if ((numAffectedRows ?? 0n) < 5000n) return
      await turn()
    }
  }
}
