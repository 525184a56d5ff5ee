import { setImmediate as turn } from 'node:timers/promises'
import type { JsonObject } from '../../../contract.ts'
import { parseStoredJson } from '../../../core/json.ts'
import { type Pointer, printPointer } from '../../../crest/pointer.ts'
import type { Database } from '../statements/database.ts'
import { IGNORE, insertRows, type Values } from '../statements/insert-rows.ts'
import { all, first } from '../statements/work.ts'
import { BitSet } from './bit-set.ts'
import type { RunTable } from './run-table.ts'
import type { ScratchRuns } from './scratch-runs.ts'
import { indexValues, PLANNED } from './seen-object.ts'

/** A row of `run_object`. */
export interface SeenRecord {
  readonly place: number
  readonly key: string
  readonly kind: number
  /** JSON. */
  readonly object: string
}

/** Few columns: a run reads one of these for each of its objects. */
export interface FollowedRecord {
  readonly id: string
  readonly qualifier: string
  readonly near: string
  readonly far: string
  /** null = the other end was not seen. */
  readonly place: number | null
  readonly kind: number
  readonly object: string
}

const COLUMNS = 'o.place, o.key, o.kind, o.object'
const WINDOW = 1000

/** What is known of one snapshot beside its rows. */
class SnapshotState {
  /** Places count from `base`: a server gives them out for all snapshots. */
  readonly #touched = new BitSet()
  base: number | undefined
  end = Number.MAX_SAFE_INTEGER
  /** How many objects the scan brought, and of how many of them there are rows. */
  scanned = 0
  touchedOfScan = 0
  pages = 0

  get isScanning(): boolean {
    return this.end === Number.MAX_SAFE_INTEGER
  }

  touch(place: number): void {
    if (this.isTouched(place)) return
    if (place <= this.end) this.touchedOfScan += 1
    this.#touched.add(place - (this.base ?? 0))
  }

  isTouched(place: number): boolean {
    return this.#touched.has(place - (this.base ?? 0))
  }
}

/** The snapshots of all runs, with their objects as JSON text. They are in tables of this connection alone. */
export class SnapshotTable {
  readonly #db: Database
  readonly #runs: RunTable
  readonly #scratch: ScratchRuns
  readonly #states = new Map<number, SnapshotState>()

  constructor(db: Database, runs: RunTable, scratch: ScratchRuns) {
    this.#db = db
    this.#runs = runs
    this.#scratch = scratch
  }

  /** @param objects key, kind, JSON @param values field, order key, object key @returns how many were new */
  async add(run: number, objects: readonly unknown[], values: readonly unknown[]): Promise<number> {
    const state = this.#state(run)
    const added = await this.#insert(INTO_OBJECTS, [run], { width: 3, values: objects })
    state.base ??= (await this.#db.run(first<{ base: number }>(BASE, [run])))?.base
    if (values.length > 0) await this.#insert(INTO_VALUES, [run], { width: 3, values })
    if (state.isScanning) state.scanned += added
    return added
  }

  /** Adds the values that objects which are there have in these fields. */
  async index(run: number, fields: readonly Pointer[]): Promise<void> {
    const byName = new Map(fields.map((field) => [printPointer(field), field] as const))
    const text = `select ${COLUMNS} from run_object as o where o.run = ? and o.place > ? order by o.place limit ?`
    for (let after: number | undefined = 0; after !== undefined; await turn()) {
      const rows: SeenRecord[] = await this.#all<SeenRecord>(run, text, [run, after, WINDOW])
      const values = rows.flatMap(({ key, object }) => indexValues(key, parseStoredJson(object) as JsonObject, byName))
      await this.#insert(INTO_VALUES, [run], { width: 3, values })
      after = rows.length < WINDOW ? undefined : rows.at(-1)?.place
    }
  }

  async byKeys(run: number, keys: readonly string[]): Promise<SeenRecord[]> {
    const { dialect } = this.#db
    const text = `select ${COLUMNS} from ${dialect.each('text')}
      ${dialect.lookUp('run_object as o', 'o.run = ? and o.key = wanted.value')}`
    return this.#all<SeenRecord>(run, text, [dialect.list(keys), run])
  }

  async follow(run: number, type: string, end: 'first' | 'second', ids: readonly string[]): Promise<FollowedRecord[]> {
    const [near, far] = end === 'first' ? ['l.first_id', 'l.second_id'] : ['l.second_id', 'l.first_id']
    const { dialect } = this.#db
    const text = `select l.id, l.qualifier, ${near} as near, ${far} as far, o.place, o.kind, o.object
      from ${dialect.each('text')} ${dialect.lookUp('link as l', `l.type = ? and ${near} = wanted.value`)}
      ${dialect.lookUp('run_object as o', `o.run = ? and o.key = ${far}`, 'left')}`
    return this.#all<FollowedRecord>(run, text, [dialect.list(ids), type, run])
  }

  /** @param wanted pairs of field and order key */
  async keysByValues(run: number, wanted: readonly (readonly [string, string])[]): Promise<string[][]> {
    const { dialect } = this.#db
    const text = `select wanted.place, v.object from ${dialect.eachPair}
      ${dialect.lookUp('run_value as v', 'v.run = ? and v.field = wanted.one and v.order_key = wanted.other')}
      order by wanted.place, v.object`
    const rows = await this.#all<{ place: number; object: string }>(run, text, [...dialect.pairs(wanted), run])
    const found: string[][] = wanted.map(() => [])
    for (const { place, object } of rows) found[Number(place)]?.push(object)
    return found
  }

  /** @param keys of objects whose places are not known */
  async touch(run: number, places: readonly number[], keys: readonly string[]): Promise<void> {
    const state = this.#state(run)
    for (const place of places) state.touch(place)
    if (keys.length === 0) return
    const { dialect } = this.#db
    const text = `select o.place from ${dialect.each('text')}
      ${dialect.lookUp('run_object as o', 'o.run = ? and o.key = wanted.value')}`
    const rows = await this.#all<{ place: number }>(run, text, [dialect.list(keys), run])
    for (const { place } of rows) state.touch(place)
  }

  async endScan(run: number): Promise<void> {
    const state = this.#state(run)
    const text = 'select place from run_object where run = ? order by place desc limit 1'
    const [last] = await this.#all<{ place: number }>(run, text, [run])
    state.end = last?.place ?? 0
  }

  async untouched(run: number, after: number, limit: number): Promise<SeenRecord[]> {
    const places = await this.#untouchedPlaces(run, after, limit)
    if (places.length === 0) return []
    const { dialect } = this.#db
    const text = `select ${COLUMNS} from ${dialect.each('integer')}
      ${dialect.lookUp('run_object as o', 'o.place = wanted.value')} order by o.place`
    return this.#all<SeenRecord>(run, text, [dialect.list(places)])
  }

  /** @param sources key and digest of each @returns the digests of those that earlier pages brought, by key */
  async see(run: number, sources: readonly unknown[]): Promise<[key: string, digest: number][]> {
    const state = this.#state(run)
    state.pages += 1
    const added = await this.#insert(INTO_SOURCES, [run, state.pages], { width: 2, values: sources })
    if (2 * added === sources.length) return []
    const { dialect } = this.#db
    const text = `select s.key, s.digest from ${dialect.each('text')}
      ${dialect.lookUp('run_source as s', 's.run = ? and s.key = wanted.value and s.page <> ?')}`
    const keys = sources.filter((_, index) => index % 2 === 0) as string[]
    const parameters = [dialect.list(keys), run, state.pages]
    const rows = await this.#all<{ key: string; digest: number }>(run, text, parameters)
    return rows.map(({ key, digest }) => [key, digest])
  }

  async clear(run: number): Promise<void> {
    this.#states.delete(run)
    await this.#runs.clear(run)
  }

  #state(run: number): SnapshotState {
    const state = this.#states.get(run) ?? new SnapshotState()
    this.#states.set(run, state)
    this.#scratch.use(run)
    return state
  }

  /** Without a transaction: what is lost in the middle is lost with its run. */
  async #insert(into: string, shared: readonly [run: number, ...rest: number[]], rows: Values): Promise<number> {
    const added = await this.#db.run(insertRows(this.#db.dialect, into, shared, rows, IGNORE))
    this.#scratch.check(shared[0])
    return added
  }

  /** @throws ResourceException when the database has lost what the run saw: it would seem to have seen nothing */
  async #all<T>(run: number, text: string, parameters: readonly unknown[]): Promise<T[]> {
    const rows = await this.#db.run(all<T>(text, parameters))
    this.#scratch.check(run)
    return rows
  }

  async #untouchedPlaces(run: number, after: number, limit: number): Promise<number[]> {
    const state = this.#state(run)
    const found: number[] = []
    if (state.touchedOfScan === state.scanned) return found
    for (let behind: number | undefined = after; behind !== undefined && found.length < limit; ) {
      const places = await this.#placesAfter(run, behind, state.end)
      found.push(...places.filter((place) => !state.isTouched(place)))
      behind = places.at(-1)
      await turn()
    }
    return found.slice(0, limit)
  }

  /** Of objects that are there, not only planned. */
  async #placesAfter(run: number, after: number, end: number): Promise<number[]> {
    const text = `select place from run_object
      where run = ? and place > ? and place <= ? and kind <> ${PLANNED} order by place limit ${WINDOW * 5}`
    const rows = await this.#all<{ place: number }>(run, text, [run, after, end])
    return rows.map(({ place }) => place)
  }
}

/** Where the places of a snapshot begin. */
const BASE = 'select min(place) as base from run_object where run = ?'
const INTO_OBJECTS = 'insert into run_object (run, key, kind, object)'
const INTO_SOURCES = 'insert into run_source (run, page, key, digest)'
const INTO_VALUES = 'insert into run_value (run, field, order_key, object)'
