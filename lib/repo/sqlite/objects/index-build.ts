import { setImmediate as turn } from 'node:timers/promises'
import type { Session } from '../database/session.ts'
import type { WriteQueue } from '../database/write-queue.ts'
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
  const { session, writes } = parts
  if (isUpToDate(session, type, properties)) return
  const { stale, dropped, building } = await writes.run((session) => declare(session, type, properties))
  for (const key of stale) await empty(parts, key)
  for (const key of dropped)
    await writes.run((session) => session.run('delete from indexed_property where key = ?', [key]))
  if (building.length === 0) return
  for (let last: number | undefined = 0; last !== undefined; await turn()) last = await buildNext(parts, type, last)
  await writes.run((session) => {
    for (const property of building) session.run(SET_VERSION, [INDEX_VERSION, type, property])
  })
}

export interface BuildParts {
  readonly session: Session
  readonly writes: WriteQueue
  /** An object that cannot be read is left out. */
  readonly onDamaged: Damaged
}

/** Most starts find all indexes in place, and write nothing. */
function isUpToDate(session: Session, type: string, properties: readonly string[]): boolean {
  const present = selectIndexes(session, type)
  return (
    present.length === properties.length &&
    present.every(({ property, ready }) => ready && properties.includes(property))
  )
}

/** From here on queries use no stale index, and writes keep the wanted ones up to date. */
function declare(session: Session, type: string, properties: readonly string[]) {
  const present = selectIndexes(session, type)
  const good = present.filter(({ property, ready }) => ready && properties.includes(property))
  const stale = present.filter((index) => !good.includes(index))
  for (const { key } of stale) {
    session.run('update indexed_property set version = null where key = ?', [key])
  }
  for (const property of properties.filter((wanted) => !present.some(({ property }) => property === wanted))) {
    session.run('insert into indexed_property (type, property, version) values (?, ?, null)', [type, property])
  }
  return {
    stale: stale.map(({ key }) => key),
    dropped: stale.filter(({ property }) => !properties.includes(property)).map(({ key }) => key),
    building: properties.filter((wanted) => !good.some(({ property }) => property === wanted)),
  }
}

/** Takes all values out of an index. */
async function empty({ writes }: BuildParts, index: number): Promise<void> {
  for (let isEmpty = false; !isEmpty; await turn()) {
    isEmpty = await writes.run((session) => {
      const [end] = session.all<{ order_key: string; object: number }>(END, [index, VALUES_AT_ONCE])
      if (end) session.run(DELETE_TO_END, [index, end.order_key, end.object])
      else session.run('delete from property_value where property = ?', [index])
      return end === undefined
    })
  }
}

const SET_VERSION = 'update indexed_property set version = ? where type = ? and property = ?'
const END = `select order_key, object from property_value where property = ?
  order by order_key, object limit 1 offset ?`
const DELETE_TO_END = 'delete from property_value where property = ? and (order_key, object) < (?, ?)'

/** @returns the key of the last object it did; undefined when there was none left */
function buildNext({ writes, onDamaged }: BuildParts, type: string, after: number): Promise<number | undefined> {
  return writes.run((session) => {
    const building = selectIndexes(session, type).filter(({ ready }) => !ready)
    const rows = selectObjectsAfter(session, type, after, OBJECTS_AT_ONCE)
    const values = rows.flatMap((row) => {
      try {
        return valuesOf(building, row.key, objectOf(row))
      } catch (error) {
        onDamaged(damagedObject(type, row, error))
        return []
      }
    })
    insertValues(session, values)
    return rows.at(-1)?.key
  })
}
