import { setImmediate as turn } from 'node:timers/promises'
import { type Pointer, printPointer } from '../../../crest/pointer.ts'
import { coarse, orderKey } from '../../objects/order-key.ts'
import { insertRows } from '../database/insert-rows.ts'
import { sql } from '../database/kysely.ts'
import type { Database, Session } from '../database/tables.ts'
import { BitSet } from './bit-set.ts'
import { each } from './link-store.ts'
import {
  type Followed,
  type FollowedRow,
  FULL,
  PARTIAL,
  PLANNED,
  type SeenObject,
  type SeenRow,
  type SeenSource,
  seenOf,
  valuesOf,
  type WantedValue,
} from './seen-object.ts'

export type { Followed, SeenObject, WantedValue } from './seen-object.ts'

const COLUMNS = sql`o.rowid as place, o.key, o.kind, o.object`
const WINDOW = 1000

/** What one run saw of the target, and which sources it has seen. */
export class RunSnapshot {
  readonly #database: Database
  readonly #run: number
  /** Fields by whose values objects are found. */
  readonly #fields = new Map<string, Pointer>()
  readonly #touched = new BitSet()
  #end = Number.MAX_SAFE_INTEGER
  /** How many objects the scan brought, and of how many of them there are rows. */
  #scanned = 0
  #touchedOfScan = 0
  #pages = 0

  constructor(database: Database, run: number) {
    this.#database = database
    this.#run = run
  }

  /** Adds what is not there yet. @returns how many were new */
  async add(objects: readonly SeenObject[]): Promise<number> {
    if (objects.length === 0) return 0
    const rows = objects.map(({ key, isFull, isPlanned, object }) => {
      return [key, isPlanned ? PLANNED : isFull ? FULL : PARTIAL, JSON.stringify(object)]
    })
    const added = await this.#database.transaction().execute(async (session) => {
      const added = await insertRows(session, INTO_OBJECTS, [this.#run], rows)
      await this.#addValues(session, objects, this.#fields)
      return added
    })
    if (this.#end === Number.MAX_SAFE_INTEGER) this.#scanned += added
    await turn()
    return added
  }

  /** Has objects found by the values of these fields from now on, those that are there already included. */
  async index(fields: readonly Pointer[]): Promise<void> {
    const missing = new Map(fields.map((field) => [printPointer(field), field] as const))
    for (const name of this.#fields.keys()) missing.delete(name)
    if (missing.size === 0) return
    for await (const objects of this.#windows())
      await this.#database.transaction().execute((session) => this.#addValues(session, objects, missing))
    for (const [name, field] of missing) this.#fields.set(name, field)
  }

  async byKeys(keys: readonly string[]): Promise<Map<string, SeenObject>> {
    if (keys.length === 0) return new Map()
    const query = sql<SeenRow>`select ${COLUMNS} from ${each(keys)} as wanted cross join run_object as o
      where o.run = ${this.#run} and o.key = wanted.value`
    const { rows } = await query.execute(this.#database)
    return new Map(rows.map((row) => [row.key, seenOf(row)]))
  }

  /** The links of one type that have one of `ids` at one end, with what was seen of the other end. */
  async follow(type: string, end: 'first' | 'second', ids: readonly string[]): Promise<Followed[]> {
    if (ids.length === 0) return []
    const [near, far] = end === 'first' ? [sql`l.first_id`, sql`l.second_id`] : [sql`l.second_id`, sql`l.first_id`]
    const query = sql<FollowedRow>`select l.id, l.qualifier, ${near} as near, ${far} as far, o.rowid as place, o.kind, o.object
      from ${each(ids)} as wanted cross join link as l on l.type = ${type} and ${near} = wanted.value
      left join run_object as o on o.run = ${this.#run} and o.key = ${far}`
    const { rows } = await query.execute(this.#database)
    return rows.map(({ id, qualifier, near, far, place, kind, object }) => {
      const [first, second] = end === 'first' ? [near, far] : [far, near]
      const link = { id, type, qualifier, first, second }
      return { link, seen: place === null ? undefined : seenOf({ place, key: far, kind, object }) }
    })
  }

  /** The keys of the objects with each of the values, apart from what makes no difference to `eq`. */
  async keysByValues(wanted: readonly WantedValue[]): Promise<string[][]> {
    if (wanted.length === 0) return []
    const rows = wanted.map(({ field, value }) => [field, coarse(orderKey(value))])
    const query = sql<{ place: number; object: string }>`select wanted.key as place, v.object
      from ${each(rows)} as wanted cross join run_value as v
      where v.run = ${this.#run} and v.field = wanted.value ->> 0 and v.order_key = wanted.value ->> 1`
    const found: string[][] = wanted.map(() => [])
    for (const { place, object } of (await query.execute(this.#database)).rows) found[Number(place)]?.push(object)
    return found
  }

  /** Rows of the plan are about these. @param places of objects of this snapshot */
  touch(places: readonly number[]): void {
    for (const place of places) {
      if (place <= this.#end && !this.#touched.has(place)) this.#touchedOfScan += 1
      this.#touched.add(place)
    }
  }

  /** The same by keys, for objects whose places are not known. */
  async touchKeys(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return
    const query = sql<{ place: number }>`select o.rowid as place from ${each(keys)} as wanted
      cross join run_object as o where o.run = ${this.#run} and o.key = wanted.value`
    this.touch((await query.execute(this.#database)).rows.map(({ place }) => place))
  }

  /** What comes from now on was not in the target query: rows may be about it, and `untouched` leaves it out. */
  async endScan(): Promise<void> {
    const query = sql<{ end: number }>`select rowid as end from run_object where run = ${this.#run}
      order by rowid desc limit 1`
    this.#end = (await query.execute(this.#database)).rows[0]?.end ?? 0
  }

  /**
   * Targets of the scan that no row of the plan is about, in the order they came: so many behind `after`, wherever they
   * are, since their sources are asked for together. @returns the place to go on behind; undefined = these were all
   */
  async untouched(after: number, limit: number): Promise<{ objects: SeenObject[]; last: number | undefined }> {
    const some = await this.#untouchedPlaces(after, limit)
    if (some.length === 0) return { objects: [], last: undefined }
    const query = sql<SeenRow>`select ${COLUMNS} from ${each(some)} as wanted cross join run_object as o
      where o.rowid = wanted.value`
    const { rows } = await query.execute(this.#database)
    return { objects: rows.map(seenOf), last: some.at(-1) }
  }

  /**
   * Notes sources of a page; each key may stand in it once.
   * @returns the keys of those that earlier pages brought, each with whether it has changed since
   */
  async see(sources: readonly SeenSource[]): Promise<Map<string, boolean>> {
    this.#pages += 1
    const [run, page] = [this.#run, this.#pages]
    const rows = sources.map(({ key, digest }) => [key, digest])
    const added = await this.#database
      .transaction()
      .execute((session) => insertRows(session, INTO_SOURCES, [run, page], rows))
    if (added === sources.length) return new Map()
    const query = sql<SeenSource>`select s.key, s.digest from ${each(sources.map(({ key }) => key))} as wanted
      cross join run_source as s where s.run = ${run} and s.key = wanted.value and s.page <> ${page}`
    const digests = new Map(sources.map(({ key, digest }) => [key, digest] as const))
    return new Map(
      (await query.execute(this.#database)).rows.map(({ key, digest }) => [key, digest !== digests.get(key)]),
    )
  }

  async #addValues(
    session: Session,
    objects: readonly SeenObject[],
    fields: ReadonlyMap<string, Pointer>,
  ): Promise<void> {
    if (fields.size === 0) return
    const values = objects.flatMap((seen) => valuesOf(seen, fields))
    await insertRows(session, INTO_VALUES, [this.#run], values)
  }

  async #untouchedPlaces(after: number, limit: number): Promise<number[]> {
    const found: number[] = []
    if (this.#touchedOfScan === this.#scanned) return found
    for (let behind: number | undefined = after; behind !== undefined && found.length < limit; ) {
      const places = await this.#placesBehind(behind)
      found.push(...places.filter((place) => !this.#touched.has(place)))
      behind = places.at(-1)
      await turn()
    }
    return found.slice(0, limit)
  }

  /** Of objects that are there, not only planned. */
  async #placesBehind(after: number): Promise<number[]> {
    const query = sql<{ place: number }>`select rowid as place from run_object
      where run = ${this.#run} and rowid > ${after} and rowid <= ${this.#end} and kind <> ${PLANNED} order by rowid limit ${WINDOW * 5}`
    return (await query.execute(this.#database)).rows.map(({ place }) => place)
  }

  async *#windows(): AsyncGenerator<SeenObject[], void, undefined> {
    for (let after = 0; ; ) {
      const query = sql<SeenRow>`select ${COLUMNS} from run_object as o
        where o.run = ${this.#run} and o.rowid > ${after} order by o.rowid limit ${WINDOW}`
      const { rows } = await query.execute(this.#database)
      yield rows.map(seenOf)
      const last = rows.at(-1)
      if (!last || rows.length < WINDOW) return
      after = last.place
      await turn()
    }
  }
}

const INTO_OBJECTS = 'insert or ignore into run_object (run, key, kind, object)'
const INTO_SOURCES = 'insert or ignore into run_source (run, page, key, digest)'
const INTO_VALUES = 'insert or ignore into run_value (run, field, order_key, object)'
