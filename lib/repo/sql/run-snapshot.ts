import type { JsonObject } from '../../contract.ts'
import { type Pointer, printPointer } from '../../crest/pointer.ts'
import { coarse, orderKey } from '../objects/order-key.ts'
import type { Followed, RunSnapshot, SeenObject, SeenSource, Touched, WantedValue } from '../runs/run-snapshot.ts'
import { FULL, indexValues, PARTIAL, PLANNED } from './runs/seen-object.ts'
import type { SeenRecord } from './runs/snapshot-table.ts'
import { readJson } from './statements/stored-json.ts'
import type { Stores } from './stores.ts'

/** What one run saw: objects are JSON text on their way to the thread and back. */
export class SqlRunSnapshot implements RunSnapshot {
  readonly #snapshots: Stores['snapshots']
  readonly #run: number
  /** Fields by whose values objects are found. */
  readonly #fields = new Map<string, Pointer>()

  constructor(snapshots: Stores['snapshots'], run: number) {
    this.#snapshots = snapshots
    this.#run = run
  }

  async add(objects: readonly SeenObject[]): Promise<number> {
    if (objects.length === 0) return 0
    const rows = objects.flatMap(({ key, isFull, isPlanned, object }) => {
      return [key, isPlanned ? PLANNED : isFull ? FULL : PARTIAL, JSON.stringify(object)]
    })
    const values =
      this.#fields.size === 0 ? [] : objects.flatMap(({ key, object }) => indexValues(key, object, this.#fields))
    return this.#snapshots.add(this.#run, rows, values)
  }

  async index(fields: readonly Pointer[]): Promise<void> {
    const missing = new Map(fields.map((field) => [printPointer(field), field] as const))
    for (const name of this.#fields.keys()) missing.delete(name)
    if (missing.size === 0) return
    await this.#snapshots.index(this.#run, [...missing.values()])
    for (const [name, field] of missing) this.#fields.set(name, field)
  }

  async byKeys(keys: readonly string[]): Promise<Map<string, SeenObject>> {
    if (keys.length === 0) return new Map()
    const rows = await this.#snapshots.byKeys(this.#run, keys)
    return new Map(rows.map((row) => [row.key, seenOf(row)]))
  }

  async follow(type: string, end: 'first' | 'second', ids: readonly string[]): Promise<Followed[]> {
    if (ids.length === 0) return []
    const rows = await this.#snapshots.follow(this.#run, type, end, ids)
    return rows.map(({ id, qualifier, near, far, place, kind, object }) => {
      const [first, second] = end === 'first' ? [near, far] : [far, near]
      const link = { id, type, qualifier, first, second }
      return { link, seen: place === null ? undefined : seenOf({ place, key: far, kind, object }) }
    })
  }

  async keysByValues(wanted: readonly WantedValue[]): Promise<string[][]> {
    if (wanted.length === 0) return []
    const pairs = wanted.map(({ field, value }) => [field, coarse(orderKey(value))] as const)
    return this.#snapshots.keysByValues(this.#run, pairs)
  }

  async touch(objects: readonly Touched[]): Promise<void> {
    if (objects.length === 0) return
    const places = objects.flatMap(({ place }) => place ?? [])
    const keys = objects.flatMap(({ key, place }) => (place === undefined ? [key] : []))
    await this.#snapshots.touch(this.#run, places, keys)
  }

  endScan(): Promise<void> {
    return this.#snapshots.endScan(this.#run)
  }

  async untouched(after: number, limit: number): Promise<{ objects: SeenObject[]; last: number | undefined }> {
    const rows = await this.#snapshots.untouched(this.#run, after, limit)
    return { objects: rows.map(seenOf), last: rows.at(-1)?.place }
  }

  async see(sources: readonly SeenSource[]): Promise<Map<string, boolean>> {
    if (sources.length === 0) return new Map()
    const known = await this.#snapshots.see(
      this.#run,
      sources.flatMap(({ key, digest }) => [key, digest]),
    )
    if (known.length === 0) return new Map()
    const digests = new Map(sources.map(({ key, digest }) => [key, digest] as const))
    return new Map(known.map(([key, digest]) => [key, digest !== digests.get(key)]))
  }
}

const seenOf = ({ place, key, kind, object }: SeenRecord): SeenObject => ({
  key,
  isFull: kind !== PARTIAL,
  isPlanned: kind === PLANNED,
  object: readJson<JsonObject>(object, 'run_object', place),
  place,
})
