import { setImmediate as turn } from 'node:timers/promises'
import { sql } from '../database/kysely.ts'
import type { Database, Session } from '../database/tables.ts'
import { objectOf } from './object-row.ts'
import { INDEX_VERSION, insertValues, selectIndexes, valuesOf } from './property-index.ts'

/** Work done in one transaction: some milliseconds for which nothing else of the process runs. */
const OBJECTS_AT_ONCE = 250
const VALUES_AT_ONCE = 2000

/**
 * Has exactly `properties` (pointers as printPointer writes them) of `type` indexed, and resolves when all can be
 * asked. What is there already costs nothing. A build that was interrupted starts again; objects that are written
 * meanwhile are put into the index by their writers.
 */
export async function ensureIndexes(database: Database, type: string, properties: readonly string[]): Promise<void> {
  const { stale, dropped, building } = await database
    .transaction()
    .execute((session) => declare(session, type, properties))
  for (const key of stale) await empty(database, key)
  for (const key of dropped) await database.deleteFrom('indexed_property').where('key', '=', key).execute()
  if (building.length === 0) return
  for (let last: number | undefined = 0; last !== undefined; await turn()) last = await buildNext(database, type, last)
  await database
    .updateTable('indexed_property')
    .set({ version: INDEX_VERSION })
    .where('type', '=', type)
    .where('property', 'in', building)
    .execute()
}

/** From here on nobody asks what is stale, and all that is wanted is kept up to date. */
async function declare(session: Session, type: string, properties: readonly string[]) {
  const present = await selectIndexes(session, type)
  const good = present.filter(({ property, ready }) => ready && properties.includes(property))
  const stale = present.filter((index) => !good.includes(index))
  for (const { key } of stale) {
    await session.updateTable('indexed_property').set({ version: null }).where('key', '=', key).execute()
  }
  for (const property of properties.filter((wanted) => !present.some(({ property }) => property === wanted))) {
    await session.insertInto('indexed_property').values({ type, property, version: null }).execute()
  }
  return {
    stale: stale.map(({ key }) => key),
    dropped: stale.filter(({ property }) => !properties.includes(property)).map(({ key }) => key),
    building: properties.filter((wanted) => !good.some(({ property }) => property === wanted)),
  }
}

/** Takes all values out of an index. */
async function empty(database: Database, index: number): Promise<void> {
  let isEmpty = false
  while (!isEmpty) {
    const query = sql<{ order_key: string; object: number }>`select order_key, object from property_value
      where property = ${index} order by order_key, object limit 1 offset ${VALUES_AT_ONCE}`
    const [end] = (await query.execute(database)).rows
    const part = end ? sql`and (order_key, object) < (${end.order_key}, ${end.object})` : sql``
    await sql`delete from property_value where property = ${index} ${part}`.execute(database)
    isEmpty = end === undefined
    await turn()
  }
}

/** @returns the key of the last object it did; undefined when there was none left */
async function buildNext(database: Database, type: string, after: number): Promise<number | undefined> {
  return database.transaction().execute(async (session) => {
    const building = (await selectIndexes(session, type)).filter(({ ready }) => !ready)
    const rows = await session
      .selectFrom('object')
      .select(['key', 'id', 'revision', 'content'])
      .where('type', '=', type)
      .where('key', '>', after)
      .orderBy('key')
      .limit(OBJECTS_AT_ONCE)
      .execute()
    const values = rows.flatMap((row) => valuesOf(building, row.key, objectOf(row)))
    await insertValues(session, values)
    return rows.at(-1)?.key
  })
}
