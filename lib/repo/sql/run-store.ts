import type { JsonObject, Logger } from '../../contract.ts'
import type { RunParticipants } from '../runs/run-participants.ts'
import type { NewRun, RowPart, RunStore, StoredRun } from '../runs/run-store.ts'
import type { RunKeys } from './run-keys.ts'
import { SqlRunRows } from './run-rows.ts'
import { SqlRunSnapshot } from './run-snapshot.ts'
import type { RunRecord } from './runs/run-table.ts'
import { DamagedRow } from './statements/damaged-row.ts'
import { readJson } from './statements/stored-json.ts'
import type { Stores } from './stores.ts'

export interface RunStoreOptions {
  readonly stores: Stores
  readonly keys: RunKeys
  /** Names the database in messages. */
  readonly name: string
  readonly participants: RunParticipants | undefined
  readonly log: Logger
}

export class SqlRunStore implements RunStore {
  readonly #stores: Stores
  readonly #keys: RunKeys
  readonly #file: string
  readonly #log: Logger
  readonly participants: RunParticipants | undefined

  constructor({ stores, keys, name, log, participants }: RunStoreOptions) {
    this.#stores = stores
    this.#keys = keys
    this.#file = name
    this.#log = log
    this.participants = participants
  }

  async insert({ isAnalysis, persists, content, resume = null, ...rest }: NewRun): Promise<number> {
    const flags = { is_analysis: Number(isAnalysis), persists: Number(persists) }
    const { key, wrapped } = await this.#keys.create()
    const texts = { content: JSON.stringify(content), resume: resume && JSON.stringify(resume) }
    const run = { ...rest, ...flags, ...texts }
    const number = await this.#stores.runs.insert(run, key, wrapped)
    this.#keys.created(number)
    return number
  }

  async update(number: number, state: string, content: JsonObject): Promise<void> {
    await this.#keys.prepare(number)
    await this.#stores.runs.update(number, state, JSON.stringify(content))
  }

  async keep(number: number, resume: JsonObject): Promise<void> {
    await this.#keys.prepare(number)
    await this.#stores.runs.keep(number, JSON.stringify(resume))
  }

  async restart(number: number): Promise<void> {
    await this.#stores.snapshots.clear(number)
    await this.#stores.runs.restart(number)
  }

  async all(): Promise<StoredRun[]> {
    const lost = await this.#keys.open()
    return (await this.#stores.runs.all()).flatMap((row) => this.#readable(row, lost) ?? [])
  }

  async find(id: string): Promise<StoredRun | undefined> {
    const lost = await this.#keys.open()
    const row = await this.#stores.runs.find(id)
    return row && this.#readable(row, lost)
  }

  async remove(number: number): Promise<void> {
    this.#keys.removed(number)
    await this.#stores.snapshots.clear(number)
    await this.#stores.runs.remove(number)
  }

  removeOrphans(): Promise<void> {
    return this.#stores.runs.removeOrphans()
  }

  removeRows(number: number): Promise<void> {
    return this.#stores.runs.removeRows(number)
  }

  removeImages(number: number): Promise<void> {
    return this.#stores.runs.removeImages(number)
  }

  removeUnwritten(number: number): Promise<void> {
    return this.#stores.runs.removeUnwritten(number)
  }

  moveOpenRows(from: number, to: number): Promise<void> {
    return this.#stores.runs.moveOpenRows(from, to)
  }

  async moveRows(from: number, to: number, part?: RowPart, content?: JsonObject): Promise<number> {
    if (content) await this.#keys.prepare(from)
    return this.#stores.runs.moveRows(from, to, part, content && JSON.stringify(content))
  }

  async returnRows(from: number, to: number, content?: JsonObject): Promise<void> {
    if (content) await this.#keys.prepare(to)
    await this.#stores.runs.returnRows(from, to, content && JSON.stringify(content))
  }

  clear(number: number): Promise<void> {
    return this.#stores.snapshots.clear(number)
  }

  snapshot(number: number): SqlRunSnapshot {
    return new SqlRunSnapshot(this.#stores.snapshots, number)
  }

  rows(number: number, ticket?: number): SqlRunRows {
    const { participants } = this
    return new SqlRunRows(this.#stores.rows, this.#keys, { run: number, participants, ticket })
  }

  #readable(
    { is_analysis, persists, content, resume: state, ...row }: RunRecord,
    lost: ReadonlyMap<number, string>,
  ): StoredRun | undefined {
    const flags = { isAnalysis: is_analysis === 1, persists: persists === 1 }
    if (content === null) {
      const unreadable = lost.get(row.number) ?? 'is encrypted with a missing key, or was altered'
      return { ...row, ...flags, resume: null, unreadable, content: this.#unreadable(row, unreadable) }
    }
    try {
      const read = (text: string) => readJson<JsonObject>(text, 'run', `${row.number} (${row.id})`)
      return { ...row, ...flags, content: read(content), resume: state === null ? null : read(state) }
    } catch (error) {
      if (!(error instanceof DamagedRow)) throw error
      this.#log.error({}, `The repository ${this.#file}: ${error.message}; the reconciliation is not shown`)
      return undefined
    }
  }

  /** What is shown of a run whose content cannot be decrypted. */
  #unreadable(
    { id, number, mapping, state }: Pick<RunRecord, 'id' | 'number' | 'mapping' | 'state'>,
    reason: string,
  ): JsonObject {
    const stageDescription = `This reconciliation ${reason}; it is shown without its content and entries.`
    const { logged } = this.#keys
    if (!logged.has(number)) {
      logged.add(number)
      this.#log.error({ reconId: id, mapping }, `The repository ${this.#file}: reconciliation ${id} ${reason}`)
    }
    // Nothing that runs is unreadable: the process of one that is stored as active has ended.
    return { mapping, state: state === 'ACTIVE' ? 'FAILED' : state, stage: 'COMPLETED_FAILED', stageDescription }
  }
}
