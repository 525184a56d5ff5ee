import type { JsonObject, Logger } from '../../contract.ts'
import type { NewRun, RowPart, RunStore, StoredRun } from '../runs/run-store.ts'
import { DamagedRow } from './database/damaged-row.ts'
import { SqliteRunRows } from './run-rows.ts'
import { SqliteRunSnapshot } from './run-snapshot.ts'
import type { RunRecord } from './runs/run-table.ts'
import { readJson } from './stored-json.ts'
import type { Stores } from './worker/stores.ts'

export class SqliteRunStore implements RunStore {
  readonly #stores: Stores
  readonly #file: string
  readonly #log: Logger

  constructor(stores: Stores, file: string, log: Logger) {
    this.#stores = stores
    this.#file = file
    this.#log = log
  }

  insert({ isAnalysis, persists, content, ...rest }: NewRun): Promise<number> {
    const flags = { is_analysis: Number(isAnalysis), persists: Number(persists) }
    return this.#stores.runs.insert({ ...rest, ...flags, content: JSON.stringify(content) })
  }

  update(number: number, state: string, content: JsonObject): Promise<void> {
    return this.#stores.runs.update(number, state, JSON.stringify(content))
  }

  async all(): Promise<StoredRun[]> {
    return (await this.#stores.runs.all()).flatMap((row) => this.#readable(row) ?? [])
  }

  async find(id: string): Promise<StoredRun | undefined> {
    const row = await this.#stores.runs.find(id)
    return row && this.#readable(row)
  }

  async remove(number: number): Promise<void> {
    await this.#stores.snapshots.clear(number)
    await this.#stores.runs.remove(number)
  }

  removeRows(number: number): Promise<void> {
    return this.#stores.runs.removeRows(number)
  }

  moveOpenRows(from: number, to: number): Promise<void> {
    return this.#stores.runs.moveOpenRows(from, to)
  }

  moveRows(from: number, to: number, part?: RowPart): Promise<number> {
    return this.#stores.runs.moveRows(from, to, part)
  }

  returnRows(from: number, to: number): Promise<void> {
    return this.#stores.runs.returnRows(from, to)
  }

  clear(number: number): Promise<void> {
    return this.#stores.snapshots.clear(number)
  }

  snapshot(number: number): SqliteRunSnapshot {
    return new SqliteRunSnapshot(this.#stores.snapshots, number)
  }

  rows(number: number): SqliteRunRows {
    return new SqliteRunRows(this.#stores.rows, number)
  }

  #readable({ is_analysis, persists, content, ...row }: RunRecord): StoredRun | undefined {
    try {
      const read = readJson<JsonObject>(content, 'run', `${row.number} (${row.id})`)
      return { ...row, isAnalysis: is_analysis === 1, persists: persists === 1, content: read }
    } catch (error) {
      if (!(error instanceof DamagedRow)) throw error
      this.#log.error({}, `The repository ${this.#file}: ${error.message}; the reconciliation is not shown`)
      return undefined
    }
  }
}
