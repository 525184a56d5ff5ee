import { randomUUID } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import type { JsonObject } from '../../../contract.ts'
import { notFound } from '../../../crest/errors.ts'
import { insertRows } from '../database/insert-rows.ts'
import { type RawBuilder, sql } from '../database/kysely.ts'
import type { LinkTable } from '../database/sync-tables.ts'
import type { Database, Session } from '../database/tables.ts'

export interface NewLink {
  /** The mapping whose link it is. */
  readonly type: string
  readonly qualifier: string
  /** The source of that mapping. */
  readonly first: string
  readonly second: string
}

export interface Link extends NewLink {
  readonly id: string
}

/** A link as a mapping sees it: from its source to its target. */
export interface PairLink {
  readonly id: string
  readonly qualifier: string
  readonly sourceKey: string
  readonly targetKey: string
}

/** Rows of a JSON text: one parameter for any number of them. */
export const each = (values: readonly unknown[]): RawBuilder<unknown> => sql`json_each(${JSON.stringify(values)})`

/**
 * A UUID of version 7 (RFC 9562): it begins with the time, so that new ones stand side by side in an index. By chance
 * ones, each of a hundred thousand links would be written to a page of its own.
 */
function newId(): string {
  const time = Date.now().toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}

/** Which target belongs to which source. */
export class LinkStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  byFirst(type: string, ids: readonly string[]): Promise<Link[]> {
    return this.#in(type, 'first_id', ids)
  }

  bySecond(type: string, ids: readonly string[]): Promise<Link[]> {
    return this.#in(type, 'second_id', ids)
  }

  async count(type: string): Promise<number> {
    const query = sql<{ count: number }>`select count(*) as count from link where type = ${type}`
    return (await query.execute(this.#database)).rows[0]?.count ?? 0
  }

  /** @throws notFound */
  async get(id: string): Promise<Link> {
    const row = await this.#database.selectFrom('link').selectAll().where('id', '=', id).executeTakeFirst()
    if (!row) throw notFound(`Object ${id} not found`)
    return linkOf(row)
  }

  /** The links behind `id` in the order of their ids; narrowed by type or by one of the ends where those are given. */
  async after(id: string, limit: number, narrowed: Partial<NewLink> = {}): Promise<Link[]> {
    let query = this.#database.selectFrom('link').selectAll().where('id', '>', id).orderBy('id').limit(limit)
    if (narrowed.type !== undefined) query = query.where('type', '=', narrowed.type)
    if (narrowed.first !== undefined) query = query.where('first_id', '=', narrowed.first)
    if (narrowed.second !== undefined) query = query.where('second_id', '=', narrowed.second)
    await turn()
    return (await query.execute()).map(linkOf)
  }

  /** @returns whether it was there */
  async remove(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#database.deleteFrom('link').where('id', '=', id).executeTakeFirst()
    return numDeletedRows > 0n
  }

  async #in(type: string, column: 'first_id' | 'second_id', ids: readonly string[]): Promise<Link[]> {
    if (ids.length === 0) return []
    const query = sql<LinkTable>`select l.* from ${each(ids)} as wanted cross join link as l
      where l.type = ${type} and l.${sql.ref(column)} = wanted.value`
    return (await query.execute(this.#database)).rows.map(linkOf)
  }
}

const linkOf = ({ id, type, qualifier, first_id, second_id }: LinkTable): Link => ({
  id,
  type,
  qualifier,
  first: first_id,
  second: second_id,
})

/**
 * Adds links inside a transaction.
 * @returns one answer for each: whether it was added; one that would break a unique rule is not
 */
export async function insertLinks(session: Session, links: readonly NewLink[]): Promise<boolean[]> {
  if (links.length === 0) return []
  const rows = links.map(({ type, qualifier, first, second }) => [newId(), type, qualifier, first, second])
  const into = 'insert or ignore into link (id, type, qualifier, first_id, second_id)'
  if ((await insertRows(session, into, [], rows)) === rows.length) return rows.map(() => true)
  const query = sql<{ id: string }>`select id from link where id in (select value from ${each(rows.map(([id]) => id))})`
  const added = new Set((await query.execute(session)).rows.map(({ id }) => id))
  return rows.map(([id = '']) => added.has(id))
}

export async function deleteLinks(session: Session, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await sql`delete from link where id in (select value from ${each(ids)})`.execute(session)
}

/** As `repo/link` shows it. */
export const representLink = ({ type, qualifier, first, second }: Link): JsonObject => ({
  linkType: type,
  linkQualifier: qualifier,
  firstId: first,
  secondId: second,
})
