import type { Compilable } from 'kysely'
import { builder, execute, sql } from '../../sql/statements/kysely.ts'
import type { Migration } from './migrations.ts'
import { drive } from './sqlite-database.ts'

const { schema } = builder

const createObjectTables = (): Compilable[] => [
  schema
    .createTable('object')
    .addColumn('key', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('revision', 'text', (column) => column.notNull())
    .addColumn('content', 'text', (column) => column.notNull())
    .addUniqueConstraint('object_by_id', ['type', 'id']),
  schema.createIndex('object_by_key').on('object').columns(['type', 'key']),
  schema
    .createTable('indexed_property')
    .addColumn('key', 'integer', (column) => column.primaryKey())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('property', 'text', (column) => column.notNull())
    .addColumn('version', 'text')
    .addUniqueConstraint('indexed_property_once', ['type', 'property']),
  schema
    .createTable('property_value')
    .addColumn('property', 'integer', (column) =>
      column.notNull().references('indexed_property.key').onDelete('cascade'),
    )
    .addColumn('order_key', 'text', (column) => column.notNull())
    .addColumn('object', 'integer', (column) => column.notNull().references('object.key').onDelete('cascade'))
    .addColumn('sorts', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('property_value_key', ['property', 'order_key', 'object'])
    .modifyEnd(sql`without rowid`),
  schema.createIndex('property_value_of_object').on('property_value').column('object'),
]

const createSyncTables = (): Compilable[] => [
  schema
    .createTable('link')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('qualifier', 'text', (column) => column.notNull())
    .addColumn('first_id', 'text', (column) => column.notNull())
    .addColumn('second_id', 'text', (column) => column.notNull())
    .addUniqueConstraint('link_by_first', ['type', 'first_id', 'qualifier'])
    .addUniqueConstraint('link_by_second', ['type', 'second_id', 'qualifier']),
  schema
    .createTable('run')
    .addColumn('number', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('id', 'text', (column) => column.notNull().unique())
    .addColumn('mapping', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('is_analysis', 'integer', (column) => column.notNull())
    .addColumn('persists', 'integer', (column) => column.notNull())
    .addColumn('content', 'text', (column) => column.notNull()),
  rowTable(),
  schema.createIndex('run_row_by_run').on('run_row').columns(['run', 'key']),
  schema.createIndex('run_row_by_target').on('run_row').columns(['run', 'target_key']),
  schema.createIndex('run_row_waiting').on('run_row').columns(['run', 'key']).where(sql.ref('status'), 'is', null),
]

function rowTable(): Compilable {
  const text = ['phase', 'qualifier', 'situation', 'action', 'reason'] as const
  const optional = ['source_id', 'target_id', 'target_key', 'status', 'failure', 'ambiguous'] as const
  const later = ['changes', 'work', 'ended'] as const
  let table = schema
    .createTable('run_row')
    .addColumn('key', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('run', 'integer', (column) => column.notNull())
    .addColumn('claims', 'integer', (column) => column.notNull())
  for (const name of text) table = table.addColumn(name, 'text', (column) => column.notNull())
  for (const name of [...optional, ...later]) table = table.addColumn(name, 'text')
  return table
}

/** Few rows claim a target that is not linked to their source yet: an index of those is all that is asked. */
const narrowRowIndex = (): Compilable[] => [
  schema.dropIndex('run_row_by_target'),
  schema.createIndex('run_row_claims').on('run_row').columns(['run', 'target_key']).where(sql.ref('claims'), '=', 1),
]

const createSentValueTables = (): Compilable[] => [
  schema
    .createTable('sent_value')
    .addColumn('mapping', 'text', (column) => column.notNull())
    .addColumn('qualifier', 'text', (column) => column.notNull())
    .addColumn('target', 'text', (column) => column.notNull())
    .addColumn('field', 'text', (column) => column.notNull())
    .addColumn('digest', 'text', (column) => column.notNull())
    .addColumn('shown', 'text')
    .addPrimaryKeyConstraint('sent_value_key', ['mapping', 'target', 'qualifier', 'field'])
    .modifyEnd(sql`without rowid`),
  schema
    .createTable('repository_secret')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('value', 'text', (column) => column.notNull()),
]

/** Personal data in runs is encrypted: what was counted by its text gets columns. */
const createRunKeys = (): Compilable[] => [
  schema
    .createTable('run_key')
    .addColumn('run', 'integer', (column) => column.notNull())
    .addColumn('key', 'integer', (column) => column.notNull())
    .addColumn('wrapped', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('run_key_key', ['run', 'key'])
    .modifyEnd(sql`without rowid`),
  ...(['changing', 'writing', 'approximate'] as const).map((name) =>
    schema.alterTable('run_row').addColumn(name, 'integer', (column) => column.notNull().defaultTo(0)),
  ),
  builder
    .updateTable('run_row')
    .set({
      changing: sql`changes is not null and changes <> '[]'`,
      writing: sql`coalesce(json_array_length(work, '$.writes'), 0) > 0`,
      approximate: sql`coalesce(work ->> '$.isApproximate', 0)`,
    })
    .where(sql<boolean>`changes is not null or work is not null`),
]

const addIntents = (): Compilable[] => [
  schema.alterTable('run').addColumn('resume', 'text'),
  schema.alterTable('run_row').addColumn('intent', 'text'),
  schema
    .createIndex('run_row_unsettled')
    .on('run_row')
    .columns(['run', 'key'])
    .where(sql.ref('intent'), 'is not', null),
]

const createImages = (): Compilable[] => [
  schema
    .createTable('run_image')
    .addColumn('key', 'integer', (column) => column.primaryKey())
    .addColumn('image', 'blob')
    .addColumn('outcome', 'blob'),
]

/** Events of queued synchronization, how many each mapping has, and the deletions of its last hour by minute. */
const createEventTables = (): Compilable[] => {
  const text = ['mapping', 'collection', 'resource', 'action', 'created', 'chain'] as const
  const optional = ['revision', 'transaction_id', 'user_id', 'node', 'ended', 'intents'] as const
  let events = schema
    .createTable('sync_event')
    .addColumn('key', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('state', 'integer', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('not_before', 'integer', (column) => column.notNull().defaultTo(0))
  for (const name of text) events = events.addColumn(name, 'text', (column) => column.notNull())
  for (const name of optional) events = events.addColumn(name, 'text')
  for (const name of ['old_object', 'new_object', 'last_error'] as const) events = events.addColumn(name, 'blob')
  const isWaiting = sql<boolean>`state < 4`
  const isRetried = sql<boolean>`state = 2`
  const isInDoubt = sql<boolean>`intents is not null`
  const isClaimed = sql<boolean>`state = 5`
  return [
    events,
    schema
      .createIndex('sync_event_by_object')
      .on('sync_event')
      .columns(['mapping', 'resource', 'key'])
      .where(isWaiting),
    schema.createIndex('sync_event_by_state').on('sync_event').columns(['mapping', 'state', 'key']),
    schema.createIndex('sync_event_in_doubt').on('sync_event').columns(['mapping', 'resource']).where(isInDoubt),
    schema.createIndex('sync_event_claims').on('sync_event').columns(['node', 'mapping']).where(isClaimed),
    schema.createIndex('sync_event_retries').on('sync_event').columns(['mapping', 'not_before']).where(isRetried),
    schema
      .createTable('sync_queue')
      .addColumn('mapping', 'text', (column) => column.primaryKey())
      .addColumn('waiting', 'integer', (column) => column.notNull().defaultTo(0))
      .addColumn('dead', 'integer', (column) => column.notNull().defaultTo(0))
      .addColumn('pause', 'text')
      .addColumn('client_ids', 'text')
      .modifyEnd(sql`without rowid`),
    schema
      .createTable('sync_deletion')
      .addColumn('mapping', 'text', (column) => column.notNull())
      .addColumn('minute', 'integer', (column) => column.notNull())
      .addColumn('count', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('sync_deletion_key', ['mapping', 'minute'])
      .modifyEnd(sql`without rowid`),
  ]
}

/** How far incremental runs have come. */
const createIncrementalTables = (): Compilable[] => [
  schema
    .createTable('incremental')
    .addColumn('mapping', 'text', (column) => column.primaryKey())
    .addColumn('watermark', 'text')
    .addColumn('scope', 'text')
    .addColumn('proof', 'text')
    .modifyEnd(sql`without rowid`),
  schema
    .createTable('incremental_retry')
    .addColumn('mapping', 'text', (column) => column.notNull())
    .addColumn('source_id', 'text', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull().defaultTo(1))
    .addPrimaryKeyConstraint('incremental_retry_key', ['mapping', 'source_id'])
    .modifyEnd(sql`without rowid`),
]

/** Requests to remotes whose outcome is not known yet, and mappings that need a full run. */
const createCaptureTables = (): Compilable[] => [
  schema
    .createTable('capture_intent')
    .addColumn('key', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('content', 'text', (column) => column.notNull()),
  schema
    .createTable('sweep_need')
    .addColumn('mapping', 'text', (column) => column.primaryKey())
    .addColumn('since', 'text', (column) => column.notNull())
    .addColumn('latest', 'integer', (column) => column.notNull()),
]

/** What both sides of a link have agreed on goes with the link. */
const createAgreementTables = (): Compilable[] => [
  schema
    .createTable('agreement')
    .addColumn('link', 'text', (column) => column.notNull().references('link.id').onDelete('cascade'))
    .addColumn('mapping', 'text', (column) => column.notNull())
    .addColumn('fields', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('agreement_key', ['link', 'mapping'])
    .modifyEnd(sql`without rowid`),
  schema
    .createTable('link_turn')
    .addColumn('link', 'text', (column) => column.primaryKey().notNull().references('link.id').onDelete('cascade'))
    .addColumn('mapping', 'text', (column) => column.notNull())
    .addColumn('turns', 'integer', (column) => column.notNull())
    .addColumn('began', 'integer', (column) => column.notNull())
    .addColumn('parked', 'text'),
]

/** When an event was taken, to be carried out. */
const addTaken = (): Compilable[] => [schema.alterTable('sync_event').addColumn('taken', 'integer')]

/** Which process waits for the response to a captured request. */
const addCapturingProcess = (): Compilable[] => [schema.alterTable('capture_intent').addColumn('process', 'text')]

/**
 * The steps from an empty database to today's, in order; a released step is never changed. Those of version 0.1.0 end with
 * `narrowRowIndex`; test/repo/fixtures holds a database of each released layout. `LAYOUT` is their number.
 */
export const MIGRATIONS: readonly Migration[] = [
  createObjectTables,
  createSyncTables,
  narrowRowIndex,
  createSentValueTables,
  createRunKeys,
  addIntents,
  createImages,
  createEventTables,
  createIncrementalTables,
  createCaptureTables,
  createAgreementTables,
  addTaken,
  addCapturingProcess,
].map((statements) => (session) => drive(session, execute(statements())))
