import type { Generated } from './kysely.ts'
import { sql } from './kysely.ts'
import type { Session } from './tables.ts'

/** Which target belongs to which source, for good. */
export interface LinkTable {
  readonly id: string
  /** The mapping whose links they are. */
  readonly type: string
  readonly qualifier: string
  readonly first_id: string
  readonly second_id: string
}

/** One reconciliation, as it is shown. */
export interface RunTable {
  readonly id: string
  readonly number: Generated<number>
  readonly mapping: string
  /** `ACTIVE` until it ended. */
  readonly state: string
  /** 1 = it decides and writes nothing. */
  readonly is_analysis: number
  /** 1 = its rows are shown as associations. */
  readonly persists: number
  /** JSON, as the run is shown. */
  readonly content: string
}

/** What a run saw, for as long as it needs it: objects of the target, and those that it will create. */
export interface RunObjectTable {
  readonly run: number
  /** The id as links have it. */
  readonly key: string
  /** 0 = it holds a part of the object, 1 = all of it, 2 = it is not there yet: this run creates it. */
  readonly kind: number
  /** JSON. */
  readonly object: string
}

/** Values of targets by which sources are correlated, each as its order key. */
export interface RunValueTable {
  readonly run: number
  readonly field: string
  readonly order_key: string
  readonly object: string
}

/** Which sources a run has seen. */
export interface RunSourceTable {
  readonly run: number
  /** In which page it came. */
  readonly page: number
  readonly key: string
  /** Of its content. */
  readonly digest: number
}

/** One decision of a run: a row of its plan, and later what became of it. */
export interface RunRowTable {
  readonly key: Generated<number>
  readonly run: number
  /** `source` or `target`. */
  readonly phase: string
  readonly qualifier: string
  readonly source_id: string | null
  readonly target_id: string | null
  /** The target, as `run_object.key`, that no other row may take; null when it takes none. */
  readonly target_key: string | null
  /** 1 = when it is done, the target is linked to the source. */
  readonly claims: number
  readonly situation: string
  readonly action: string
  /** Why: one sentence. */
  readonly reason: string
  /** null while it is still to be done. */
  readonly status: string | null
  /** JSON of the failure. */
  readonly failure: string | null
  /** JSON list of ids. */
  readonly ambiguous: string | null
  /** JSON list of the fields that change. */
  readonly changes: string | null
  /** JSON: what carrying it out needs, where that has to outlive the process; else it is in `run_work`. */
  readonly work: string | null
  readonly ended: string | null
}

/** What carrying out a row needs, for as long as its run goes on. */
export interface RunWorkTable {
  /** Of the row. */
  readonly key: number
  readonly run: number
  /** JSON. */
  readonly work: string
}

/** What was sent to a target that does not show it as it was sent: see `SentValue`. */
export interface SentValueTable {
  readonly mapping: string
  readonly qualifier: string
  readonly target: string
  readonly field: string
  readonly digest: string
  readonly shown: string | null
}

export async function createSyncTables({ schema }: Session): Promise<void> {
  await schema
    .createTable('link')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('qualifier', 'text', (column) => column.notNull())
    .addColumn('first_id', 'text', (column) => column.notNull())
    .addColumn('second_id', 'text', (column) => column.notNull())
    .addUniqueConstraint('link_by_first', ['type', 'first_id', 'qualifier'])
    .addUniqueConstraint('link_by_second', ['type', 'second_id', 'qualifier'])
    .execute()
  await createRunTables(schema)
}

async function createRunTables(schema: Session['schema']): Promise<void> {
  await schema
    .createTable('run')
    .addColumn('number', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('id', 'text', (column) => column.notNull().unique())
    .addColumn('mapping', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('is_analysis', 'integer', (column) => column.notNull())
    .addColumn('persists', 'integer', (column) => column.notNull())
    .addColumn('content', 'text', (column) => column.notNull())
    .execute()
  await createRowTable(schema)
}

async function createRowTable(schema: Session['schema']): Promise<void> {
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
  await table.execute()
  await schema.createIndex('run_row_by_run').on('run_row').columns(['run', 'key']).execute()
  await schema.createIndex('run_row_by_target').on('run_row').columns(['run', 'target_key']).execute()
  await schema
    .createIndex('run_row_waiting')
    .on('run_row')
    .columns(['run', 'key'])
    .where(sql.ref('status'), 'is', null)
    .execute()
}

/** Few rows claim a target that is not linked to their source yet: an index of those is all that is asked. */
export async function narrowRowIndex({ schema }: Session): Promise<void> {
  await schema.dropIndex('run_row_by_target').execute()
  await schema
    .createIndex('run_row_claims')
    .on('run_row')
    .columns(['run', 'target_key'])
    .where(sql.ref('claims'), '=', 1)
    .execute()
}

/**
 * What runs see goes into tables of this connection alone: they are in a file that has no name, nobody waits for the
 * disk because of them, and they are gone with the process.
 */
export async function createRunScratch({ schema }: Session): Promise<void> {
  await schema
    .createTable('run_object')
    .temporary()
    .ifNotExists()
    .addColumn('run', 'integer', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('kind', 'integer', (column) => column.notNull())
    .addColumn('object', 'text', (column) => column.notNull())
    .addUniqueConstraint('run_object_by_key', ['run', 'key'])
    .execute()
  await schema
    .createTable('run_value')
    .temporary()
    .ifNotExists()
    .addColumn('run', 'integer', (column) => column.notNull())
    .addColumn('field', 'text', (column) => column.notNull())
    .addColumn('order_key', 'text', (column) => column.notNull())
    .addColumn('object', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('run_value_key', ['run', 'field', 'order_key', 'object'])
    .modifyEnd(sql`without rowid`)
    .execute()
  await schema
    .createTable('run_source')
    .temporary()
    .ifNotExists()
    .addColumn('run', 'integer', (column) => column.notNull())
    .addColumn('page', 'integer', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('digest', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('run_source_key', ['run', 'key'])
    .modifyEnd(sql`without rowid`)
    .execute()
  await schema
    .createTable('run_work')
    .temporary()
    .ifNotExists()
    .addColumn('key', 'integer', (column) => column.primaryKey())
    .addColumn('run', 'integer', (column) => column.notNull())
    .addColumn('work', 'text', (column) => column.notNull())
    .execute()
}
