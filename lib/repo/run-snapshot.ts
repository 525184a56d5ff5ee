import { setImmediate as turn } from 'node:timers/promises'
import type { Json, JsonObject } from '../contract.ts'
import { getAt, type Pointer, printPointer } from '../crest/pointer.ts'
import { sql } from './kysely.ts'
import { each } from './link-store.ts'
import { coarse, orderKey } from './order-key.ts'
import type { Database } from './tables.ts'

/** An object as a run saw it, or one that it will create. */
export interface SeenObject {
  /** The id as links have it. */
  readonly key: string
  readonly id: string
  readonly revision: string | null
  readonly isFull: boolean
  readonly isPlanned: boolean
  /** Without `_id` and `_rev`. */
  readonly content: JsonObject
}

/** One value of one field that is looked for. */
export interface WantedValue {
  readonly field: string
  readonly value: string | number | boolean
}

interface Row {
  readonly key: string
  readonly id: string
  readonly revision: string | null
  readonly is_full: number
  readonly is_planned: number
  readonly content: string
}

const COLUMNS = sql`o.key, o.id, o.revision, o.is_full, o.is_planned, o.content`
const WINDOW = 1000

/** What one run saw of the target, and which sources it has seen. */
export class RunSnapshot {
  readonly #database: Database
  readonly #run: number
  /** Fields by whose values objects are found. */
  readonly #fields = new Map<string, Pointer>()

  constructor(database: Database, run: number) {
    this.#database = database
    this.#run = run
  }

  /** Adds what is not there yet. @returns how many were new */
  async add(objects: readonly SeenObject[]): Promise<number> {
    if (objects.length === 0) return 0
    const rows = objects.map(({ key, id, revision, isFull, isPlanned, content }) => {
      return [key, id, revision, Number(isFull), Number(isPlanned), JSON.stringify(content)]
    })
    const insert = sql`insert or ignore into run_object (run, key, id, revision, is_full, is_planned, content)
      select ${this.#run}, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 from ${each(rows)}`
    const added = await this.#database.transaction().execute(async (session) => {
      const { numAffectedRows } = await insert.execute(session)
      const values = objects.flatMap((object) => this.#valuesOf(object, this.#fields))
      if (values.length > 0) await insertValues(this.#run, values).execute(session)
      return Number(numAffectedRows ?? 0n)
    })
    await turn()
    return added
  }

  /** Has objects found by the values of these fields from now on, those that are there already included. */
  async index(fields: readonly Pointer[]): Promise<void> {
    const missing = new Map(fields.map((field) => [printPointer(field), field] as const))
    for (const name of this.#fields.keys()) missing.delete(name)
    if (missing.size === 0) return
    for await (const objects of this.#windows()) {
      const values = objects.flatMap((object) => this.#valuesOf(object, missing))
      if (values.length > 0) await insertValues(this.#run, values).execute(this.#database)
    }
    for (const [name, field] of missing) this.#fields.set(name, field)
  }

  async byKeys(keys: readonly string[]): Promise<Map<string, SeenObject>> {
    if (keys.length === 0) return new Map()
    const query = sql<Row>`select ${COLUMNS} from ${each(keys)} as wanted cross join run_object as o
      where o.run = ${this.#run} and o.key = wanted.value`
    const { rows } = await query.execute(this.#database)
    return new Map(rows.map((row) => [row.key, seenOf(row)]))
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

  /** Targets that no row of the plan is about, in the order they came: a window behind `after`. */
  async untouched(after: number, limit: number): Promise<{ objects: SeenObject[]; last: number | undefined }> {
    const query = sql<Row & { place: number }>`select o.rowid as place, ${COLUMNS} from run_object as o
      where o.run = ${this.#run} and o.rowid > ${after} and o.is_planned = 0
        and not exists (select 1 from run_row as r where r.run = o.run and r.target_key = o.key)
      order by o.rowid limit ${limit}`
    const { rows } = await query.execute(this.#database)
    await turn()
    return { objects: rows.map(seenOf), last: rows.at(-1)?.place }
  }

  /** @returns those of `keys` that were not seen before, each once */
  async see(keys: readonly string[]): Promise<Set<string>> {
    const insert = sql<{ key: string }>`insert or ignore into run_source (run, key)
      select ${this.#run}, value from ${each(keys)} where true returning key`
    return new Set((await insert.execute(this.#database)).rows.map(({ key }) => key))
  }

  #valuesOf({ key, id, revision, content }: SeenObject, fields: ReadonlyMap<string, Pointer>): string[][] {
    const object: Json = { ...content, _id: id, _rev: revision }
    return [...fields].flatMap(([name, field]) => {
      const found = getAt(object, field) ?? null
      const values = Array.isArray(found) ? found : [found]
      const keys = values.filter((value) => value !== null).map((value) => coarse(orderKey(value)))
      return [...new Set(keys)].map((orderKey) => [name, orderKey, key])
    })
  }

  async *#windows(): AsyncGenerator<SeenObject[], void, undefined> {
    for (let after = 0; ; ) {
      const query = sql<Row & { place: number }>`select o.rowid as place, ${COLUMNS} from run_object as o
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

const insertValues = (run: number, values: readonly string[][]) =>
  sql`insert or ignore into run_value (run, field, order_key, object)
    select ${run}, value ->> 0, value ->> 1, value ->> 2 from ${each(values)}`

const seenOf = ({ key, id, revision, is_full, is_planned, content }: Row): SeenObject => ({
  key,
  id,
  revision,
  isFull: is_full === 1,
  isPlanned: is_planned === 1,
  content: JSON.parse(content) as JsonObject,
})
