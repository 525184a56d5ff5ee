import { createSentValueTables } from '../runs/sent-value-store.ts'
import { sql } from './kysely.ts'
import { createSyncTables, narrowRowIndex } from './sync-tables.ts'
import type { Database, Session } from './tables.ts'

export type Migration = (session: Session) => Promise<void>

/**
 * The steps from an empty database to today's, in order; a released step is never changed. Each runs in a transaction
 * with the mark that it ran, so an interrupted one has not happened. Those of version 0.1.0 end with `narrowRowIndex`;
 * test/repo/fixtures holds a database of each released layout.
 */
const MIGRATIONS: readonly Migration[] = [createObjectTables, createSyncTables, narrowRowIndex, createSentValueTables]

/**
 * Brings the tables up to date.
 * @throws Error when a newer version of this software has been here: it would not be understood
 */
export async function migrate(database: Database, migrations: readonly Migration[] = MIGRATIONS): Promise<void> {
  await database.schema
    .createTable('schema_version')
    .ifNotExists()
    .addColumn('version', 'integer', (column) => column.primaryKey())
    .execute()
  const done = await currentVersion(database)
  if (done > migrations.length)
    throw new Error(`its tables have version ${done}, made by a newer release; this one knows ${migrations.length}`)
  for (const [index, migration] of migrations.entries()) {
    await database.transaction().execute((session) => step(session, index + 1, migration))
  }
}

/** Asks again inside the transaction: another process may have been faster. */
async function step(session: Session, version: number, migration: Migration): Promise<void> {
  if ((await currentVersion(session)) >= version) return
  await migration(session)
  await session.insertInto('schema_version').values({ version }).execute()
}

async function currentVersion(session: Session): Promise<number> {
  const row = await session
    .selectFrom('schema_version')
    .select((select) => select.fn.max('version').as('version'))
    .executeTakeFirst()
  return row?.version ?? 0
}

async function createObjectTables({ schema }: Session): Promise<void> {
  await schema
    .createTable('object')
    .addColumn('key', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('revision', 'text', (column) => column.notNull())
    .addColumn('content', 'text', (column) => column.notNull())
    .addUniqueConstraint('object_by_id', ['type', 'id'])
    .execute()
  await schema.createIndex('object_by_key').on('object').columns(['type', 'key']).execute()
  await schema
    .createTable('indexed_property')
    .addColumn('key', 'integer', (column) => column.primaryKey())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('property', 'text', (column) => column.notNull())
    .addColumn('version', 'text')
    .addUniqueConstraint('indexed_property_once', ['type', 'property'])
    .execute()
  await schema
    .createTable('property_value')
    .addColumn('property', 'integer', (column) =>
      column.notNull().references('indexed_property.key').onDelete('cascade'),
    )
    .addColumn('order_key', 'text', (column) => column.notNull())
    .addColumn('object', 'integer', (column) => column.notNull().references('object.key').onDelete('cascade'))
    .addColumn('sorts', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('property_value_key', ['property', 'order_key', 'object'])
    .modifyEnd(sql`without rowid`)
    .execute()
  await schema.createIndex('property_value_of_object').on('property_value').column('object').execute()
}
