import { setImmediate as turn } from 'node:timers/promises'
import type { Database, Lock } from '../statements/database.ts'
import { first, run, type Work } from '../statements/work.ts'
import { type Damaged, damagedObject } from './damaged-object.ts'
import { objectOf, selectObjectsAfter } from './object-row.ts'
import { INDEX_VERSION, insertValues, selectIndexes, valuesOf } from './property-index.ts'

/** Work done in one transaction: some milliseconds for which no other statement runs. */
const OBJECTS_AT_ONCE = 250
const VALUES_AT_ONCE = 2000

/**
 * Has exactly `properties` (pointers as printPointer writes them) of `type` indexed, and resolves when all can be
 * asked. What is there already costs nothing. A build that was interrupted starts again; objects that are written
 * meanwhile are put into the index by their writers.
 */
export async function ensureIndexes(parts: BuildParts, type: string, properties: readonly string[]): Promise<void> {
  const { db } = parts
  if (await db.run(isUpToDate(type, properties))) return
  const locks = [{ ...indexLock(type), isShared: false }]
  const { stale, dropped, building } = await db.write(() => declare(type, properties), { locks })
  for (const key of stale) await empty(parts, key)
  for (const key of dropped) await db.write(() => run('delete from indexed_property where key = ?', [key]), { locks })
  if (building.length === 0) return
  for (let last: number | undefined = 0; last !== undefined; await turn()) last = await buildNext(parts, type, last)
  await db.write(function* () {
    for (const property of building) yield* run(SET_VERSION, [INDEX_VERSION, type, property])
  })
}

/** Shared by writes of objects, which have to know all indexes: a declaration waits for them. */
export const indexLock = (type: string): Lock => ({ name: `indexes/${type}`, isShared: true })

export interface BuildParts {
  readonly db: Database
  /** An object that cannot be read is left out. */
  readonly onDamaged: Damaged
}

/** Most starts find all indexes in place, and write nothing. */
function* isUpToDate(type: string, properties: readonly string[]): Work<boolean> {
  const present = yield* selectIndexes(type)
  return (
    present.length === properties.length &&
    present.every(({ property, ready }) => ready && properties.includes(property))
  )
}

/** From here on queries use no stale index, and writes keep the wanted ones up to date. */
function* declare(type: string, properties: readonly string[]) {
  const present = yield* selectIndexes(type)
  const good = present.filter(({ property, ready }) => ready && properties.includes(property))
  const stale = present.filter((index) => !good.includes(index))
  for (const { key } of stale) {
    yield* run('update indexed_property set version = null where key = ?', [key])
  }
  for (const property of properties.filter((wanted) => !present.some(({ property }) => property === wanted))) {
    yield* run('insert into indexed_property (type, property, version) values (?, ?, null)', [type, property])
  }
  return {
    stale: stale.map(({ key }) => key),
    dropped: stale.filter(({ property }) => !properties.includes(property)).map(({ key }) => key),
    building: properties.filter((wanted) => !good.some(({ property }) => property === wanted)),
  }
}

/** Takes all values out of an index. */
async function empty({ db }: BuildParts, index: number): Promise<void> {
  for (let isEmpty = false; !isEmpty; await turn()) {
    isEmpty = await db.write(function* () {
      const end = yield* first<{ order_key: string; object: number }>(END, [index, VALUES_AT_ONCE])
      if (end) yield* run(DELETE_TO_END, [index, end.order_key, end.object])
      else yield* run('delete from property_value where property = ?', [index])
      return end === undefined
    })
  }
}

const SET_VERSION = 'update indexed_property set version = ? where type = ? and property = ?'
const END = `select order_key, object from property_value where property = ?
  order by order_key, object limit 1 offset ?`
const DELETE_TO_END = 'delete from property_value where property = ? and (order_key, object) < (?, ?)'

/** @returns the key of the last object it did; undefined when there was none left */
function buildNext({ db, onDamaged }: BuildParts, type: string, after: number): Promise<number | undefined> {
  const { dialect } = db
  return db.write(function* () {
    const building = (yield* selectIndexes(type)).filter(({ ready }) => !ready)
    // A write of one of them waits, and puts its own values into the index after this.
    const rows = yield* selectObjectsAfter(type, after, OBJECTS_AT_ONCE, dialect.forUpdate)
    const values = rows.flatMap((row) => {
      try {
        return valuesOf(building, row.key, objectOf(row))
      } catch (error) {
        onDamaged(damagedObject(type, row, error))
        return []
      }
    })
    yield* insertValues(dialect, values)
    return rows.at(-1)?.key
  })
}
