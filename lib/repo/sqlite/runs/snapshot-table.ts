import { setImmediate as turn } from 'node:timers/promises'
import type { JsonObject } from '../../../contract.ts'
import { parseStoredJson } from '../../../core/json.ts'
import { type Pointer, printPointer } from '../../../crest/pointer.ts'
import { insertRows, type Values } from '../database/insert-rows.ts'
import type { Session } from '../database/session.ts'
import { BitSet } from './bit-set.ts'
import type { RunTable } from './run-table.ts'
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

const COLUMNS = 'o.rowid as place, o.key, o.kind, o.object'
const WINDOW = 1000

/** What is known of one snapshot beside its rows. */
class SnapshotState {
  readonly touched = new BitSet()
  end = Number.MAX_SAFE_INTEGER
  /** How many objects the scan brought, and of how many of them there are rows. */
  scanned = 0
  touchedOfScan = 0
  pages = 0

  get isScanning(): boolean {
    return this.end === Number.MAX_SAFE_INTEGER
  }

  touch(place: number): void {
    if (place <= this.end && !this.touched.has(place)) this.touchedOfScan += 1
    this.touched.add(place)
  }
}

/** The snapshots of all runs, with their objects as JSON text. They are in tables of this connection alone. */
export class SnapshotTable {
  readonly #session: Session
  readonly #runs: RunTable
  readonly #states = new Map<number, SnapshotState>()

  constructor(session: Session, runs: RunTable) {
    this.#session = session
    this.#runs = runs
  }

  /** @param objects key, kind, JSON @param values field, order key, object key @returns how many were new */
  async add(run: number, objects: readonly unknown[], values: readonly unknown[]): Promise<number> {
    const state = this.#state(run)
    const added = this.#insert(INTO_OBJECTS, [run], { width: 3, values: objects })
    if (values.length > 0) this.#insert(INTO_VALUES, [run], { width: 3, values })
    if (state.isScanning) state.scanned += added
    return added
  }

  /** Adds the values that objects which are there have in these fields. */
  async index(run: number, fields: readonly Pointer[]): Promise<void> {
    const byName = new Map(fields.map((field) => [printPointer(field), field] as const))
    const text = `select ${COLUMNS} from run_object as o where o.run = ? and o.rowid > ? order by o.rowid limit ?`
    for (let after: number | undefined = 0; after !== undefined; await turn()) {
      const rows: SeenRecord[] = this.#session.all(text, [run, after, WINDOW])
      const values = rows.flatMap(({ key, object }) => indexValues(key, parseStoredJson(object) as JsonObject, byName))
      this.#insert(INTO_VALUES, [run], { width: 3, values })
      after = rows.length < WINDOW ? undefined : rows.at(-1)?.place
    }
  }

  async byKeys(run: number, keys: readonly string[]): Promise<SeenRecord[]> {
    const text = `select ${COLUMNS} from json_each(?) as wanted cross join run_object as o
      where o.run = ? and o.key = wanted.value`
    return this.#session.all(text, [JSON.stringify(keys), run])
  }

  async follow(run: number, type: string, end: 'first' | 'second', ids: readonly string[]): Promise<FollowedRecord[]> {
    const [near, far] = end === 'first' ? ['l.first_id', 'l.second_id'] : ['l.second_id', 'l.first_id']
    const text = `select l.id, l.qualifier, ${near} as near, ${far} as far, o.rowid as place, o.kind, o.object
      from json_each(?) as wanted cross join link as l on l.type = ? and ${near} = wanted.value
      left join run_object as o on o.run = ? and o.key = ${far}`
    return this.#session.all(text, [JSON.stringify(ids), type, run])
  }

  /** @param wanted pairs of field and order key */
  async keysByValues(run: number, wanted: readonly (readonly [string, string])[]): Promise<string[][]> {
    const text = `select wanted.key as place, v.object from json_each(?) as wanted cross join run_value as v
      where v.run = ? and v.field = wanted.value ->> 0 and v.order_key = wanted.value ->> 1`
    const parameters = [JSON.stringify(wanted), run]
    const found: string[][] = wanted.map(() => [])
    for (const { place, object } of this.#session.all<{ place: number; object: string }>(text, parameters))
      found[Number(place)]?.push(object)
    return found
  }

  /** @param keys of objects whose places are not known */
  async touch(run: number, places: readonly number[], keys: readonly string[]): Promise<void> {
    const state = this.#state(run)
    for (const place of places) state.touch(place)
    if (keys.length === 0) return
    const text = `select o.rowid as place from json_each(?) as wanted
      cross join run_object as o where o.run = ? and o.key = wanted.value`
    const rows = this.#session.all<{ place: number }>(text, [JSON.stringify(keys), run])
    for (const { place } of rows) state.touch(place)
  }

  async endScan(run: number): Promise<void> {
    const state = this.#state(run)
    const text = 'select rowid as end from run_object where run = ? order by rowid desc limit 1'
    state.end = this.#session.all<{ end: number }>(text, [run])[0]?.end ?? 0
  }

  async untouched(run: number, after: number, limit: number): Promise<SeenRecord[]> {
    const places = await this.#untouchedPlaces(run, after, limit)
    if (places.length === 0) return []
    const text = `select ${COLUMNS} from json_each(?) as wanted cross join run_object as o where o.rowid = wanted.value`
    return this.#session.all(text, [JSON.stringify(places)])
  }

  /** @param sources key and digest of each @returns the digests of those that earlier pages brought, by key */
  async see(run: number, sources: readonly unknown[]): Promise<[key: string, digest: number][]> {
    const state = this.#state(run)
    state.pages += 1
    const added = this.#insert(INTO_SOURCES, [run, state.pages], { width: 2, values: sources })
    if (2 * added === sources.length) return []
    const text = `select s.key, s.digest from json_each(?) as wanted
      cross join run_source as s where s.run = ? and s.key = wanted.value and s.page <> ?`
    const keys = JSON.stringify(sources.filter((_, index) => index % 2 === 0))
    const rows = this.#session.all<{ key: string; digest: number }>(text, [keys, run, state.pages])
    return rows.map(({ key, digest }) => [key, digest])
  }

  async clear(run: number): Promise<void> {
    this.#states.delete(run)
    await this.#runs.clear(run)
  }

  #state(run: number): SnapshotState {
    const state = this.#states.get(run) ?? new SnapshotState()
    this.#states.set(run, state)
    return state
  }

  /** Without a transaction: what is lost in the middle is lost with its run. */
  #insert(into: string, shared: readonly unknown[], rows: Values): number {
    return insertRows(this.#session, into, shared, rows)
  }

  async #untouchedPlaces(run: number, after: number, limit: number): Promise<number[]> {
    const state = this.#state(run)
    const found: number[] = []
    if (state.touchedOfScan === state.scanned) return found
    for (let behind: number | undefined = after; behind !== undefined && found.length < limit; ) {
      const places = this.#placesAfter(run, behind, state.end)
      found.push(...places.filter((place) => !state.touched.has(place)))
      behind = places.at(-1)
      await turn()
    }
    return found.slice(0, limit)
  }

  /** Of objects that are there, not only planned. */
  #placesAfter(run: number, after: number, end: number): number[] {
    const text = `select rowid as place from run_object
      where run = ? and rowid > ? and rowid <= ? and kind <> ${PLANNED} order by rowid limit ${WINDOW * 5}`
    const rows = this.#session.all<{ place: number }>(text, [run, after, end])
    return rows.map(({ place }) => place)
  }
}

const INTO_OBJECTS = 'insert or ignore into run_object (run, key, kind, object)'
const INTO_SOURCES = 'insert or ignore into run_source (run, page, key, digest)'
const INTO_VALUES = 'insert or ignore into run_value (run, field, order_key, object)'
