import { setImmediate as turn } from 'node:timers/promises'
import { objectOf } from './object-row.ts'
import { INDEX_VERSION, insertValues, selectIndexes, valuesOf } from './property-index.ts'
import type { Database, Session } from './tables.ts'

const OBJECTS_AT_ONCE = 250

/**
 * Has exactly `properties` (pointers as printPointer writes them) of `type` indexed, and resolves when all can be asked.
 * What is there already costs nothing. A build that was interrupted starts again; objects written meanwhile are
 * in the index by their writers.
 */
export async function ensureIndexes(database: Database, type: string, properties: readonly string[]): Promise<void> {
  const missing = await database.transaction().execute((session) => declare(session, type, properties))
  if (!missing) return
  let last: number | undefined = 0
  while (last !== undefined) {
    const from: number = last
    last = await database.transaction().execute((session) => buildNext(session, type, from))
    await turn()
  }
  await database
    .updateTable('indexed_property')
    .set({ version: INDEX_VERSION })
    .where('type', '=', type)
    .where('property', 'in', properties)
    .execute()
}

/** @returns whether there is something to build */
async function declare(session: Session, type: string, properties: readonly string[]): Promise<boolean> {
  const present = await selectIndexes(session, type)
  const stale = present.filter(({ property, ready }) => !ready || !properties.includes(property))
  for (const { key } of stale) await session.deleteFrom('indexed_property').where('key', '=', key).execute()
  const kept = present.filter((index) => !stale.includes(index)).map(({ property }) => property)
  const missing = properties.filter((property) => !kept.includes(property))
  for (const property of missing) {
    await session.insertInto('indexed_property').values({ type, property, version: null }).execute()
  }
  return missing.length > 0
}

/** @returns the key of the last object it did; undefined when there was none left */
async function buildNext(session: Session, type: string, after: number): Promise<number | undefined> {
  const building = (await selectIndexes(session, type)).filter(({ ready }) => !ready)
  const rows = await session
    .selectFrom('object')
    .select(['key', 'id', 'revision', 'content'])
    .where('type', '=', type)
    .where('key', '>', after)
    .orderBy('key')
    .limit(OBJECTS_AT_ONCE)
    .execute()
  for (const row of rows) await insertValues(session, row.key, valuesOf(building, objectOf(row)))
  return rows.at(-1)?.key
}
