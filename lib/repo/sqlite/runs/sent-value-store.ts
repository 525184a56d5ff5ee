import { randomBytes } from 'node:crypto'
import { insertRows } from '../database/insert-rows.ts'
import { sql } from '../database/kysely.ts'
import type { SentValueTable } from '../database/sync-tables.ts'
import type { Database, Session } from '../database/tables.ts'
import { each } from './link-store.ts'

/** A value that was sent to a target which does not show it as it was sent. */
export interface SentValue {
  readonly qualifier: string
  /** The id of the target, as links have it. */
  readonly target: string
  /** As `printPointer` writes it. */
  readonly field: string
  /** Keyed digest of what was sent. */
  readonly digest: string
  /** The same of what the target shows in its place; null = it shows nothing. */
  readonly shown: string | null
}

/** What mappings have sent and cannot read back. */
export class SentValueStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** The key of the digests: made once, and of no use without this database. */
  async digestKey(): Promise<Buffer> {
    const fresh = randomBytes(32).toString('base64')
    await sql`insert or ignore into repository_secret (name, value) values ('digest', ${fresh})`.execute(this.#database)
    const query = sql<{ value: string }>`select value from repository_secret where name = 'digest'`
    return Buffer.from((await query.execute(this.#database)).rows[0]?.value ?? '', 'base64')
  }

  /** The fields that targets of a mapping do not show, and whether anything at all is kept for it. */
  async fields(mapping: string): Promise<{ hidden: string[]; isEmpty: boolean }> {
    const query = sql<{ field: string; hidden: number }>`select field, max(shown is null) as hidden
      from sent_value where mapping = ${mapping} group by field`
    const { rows } = await query.execute(this.#database)
    return { hidden: rows.filter(({ hidden }) => hidden === 1).map(({ field }) => field), isEmpty: rows.length === 0 }
  }

  async ofTargets(mapping: string, targets: readonly string[]): Promise<SentValue[]> {
    if (targets.length === 0) return []
    const query = sql<SentValueTable>`select v.* from ${each(targets)} as wanted cross join sent_value as v
      where v.mapping = ${mapping} and v.target = wanted.value`
    return (await query.execute(this.#database)).rows
  }

  async put(mapping: string, values: readonly SentValue[]): Promise<void> {
    const rows = values.map(({ qualifier, target, field, digest, shown }) => [qualifier, target, field, digest, shown])
    await insertRows(this.#database, INTO, [mapping], rows)
  }

  async remove(
    mapping: string,
    { qualifier, target, field }: Pick<SentValue, 'qualifier' | 'target'> & Partial<SentValue>,
  ) {
    let query = this.#database
      .deleteFrom('sent_value')
      .where('mapping', '=', mapping)
      .where('qualifier', '=', qualifier)
      .where('target', '=', target)
    if (field !== undefined) query = query.where('field', '=', field)
    await query.execute()
  }
}

const INTO = 'insert or replace into sent_value (mapping, qualifier, target, field, digest, shown)'

export async function createSentValueTables({ schema }: Session): Promise<void> {
  await schema
    .createTable('sent_value')
    .addColumn('mapping', 'text', (column) => column.notNull())
    .addColumn('qualifier', 'text', (column) => column.notNull())
    .addColumn('target', 'text', (column) => column.notNull())
    .addColumn('field', 'text', (column) => column.notNull())
    .addColumn('digest', 'text', (column) => column.notNull())
    .addColumn('shown', 'text')
    .addPrimaryKeyConstraint('sent_value_key', ['mapping', 'target', 'qualifier', 'field'])
    .modifyEnd(sql`without rowid`)
    .execute()
  await schema
    .createTable('repository_secret')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('value', 'text', (column) => column.notNull())
    .execute()
}
