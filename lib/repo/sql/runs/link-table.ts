import { randomUUID } from 'node:crypto'
import { notFound } from '../../../crest/errors.ts'
import type { Link, LinkCount, LinkStore, NewLink } from '../../links/link-store.ts'
import type { Database } from '../statements/database.ts'
import type { Dialect } from '../statements/dialect.ts'
import { IGNORE, insertRows } from '../statements/insert-rows.ts'
import type { LinkTable as LinkRow } from '../statements/tables.ts'
import { all, first, run, type Work } from '../statements/work.ts'

/**
 * A UUID of version 7 (RFC 9562): it begins with the time, so that new ones stand side by side in an index. By chance
 * ones, each of a hundred thousand links would be written to a page of its own.
 */
function newId(): string {
  const time = Date.now().toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}

export class LinkTable implements LinkStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async byFirst(type: string, ids: readonly string[]): Promise<Link[]> {
    return this.#in(type, 'first_id', ids)
  }

  async bySecond(type: string, ids: readonly string[]): Promise<Link[]> {
    return this.#in(type, 'second_id', ids)
  }

  async count(type: string): Promise<number> {
    const text = 'select count(*) as count from link where type = ?'
    return (await this.#db.run(first<{ count: number }>(text, [type])))?.count ?? 0
  }

  async get(id: string): Promise<Link> {
    const row = await this.#db.run(first<LinkRow>('select * from link where id = ?', [id]))
    if (!row) throw notFound(`Object ${id} not found`)
    return linkOf(row)
  }

  async after(id: string, limit: number, narrowed: Partial<NewLink> = {}): Promise<Link[]> {
    const { type, first, second } = narrowed
    const equal = Object.entries({ type, first_id: first, second_id: second }).filter(
      ([, value]) => value !== undefined,
    )
    const conditions = ['id > ?', ...equal.map(([column]) => `${column} = ?`)].join(' and ')
    const text = `select * from link where ${conditions} order by id limit ?`
    return (await this.#db.run(all<LinkRow>(text, [id, ...equal.map(([, value]) => value), limit]))).map(linkOf)
  }

  add(links: readonly NewLink[]): Promise<boolean[]> {
    return this.#db.write(() => insertLinks(this.#db.dialect, links))
  }

  async remove(id: string): Promise<boolean> {
    return (await this.#db.write(() => run('delete from link where id = ?', [id]))) > 0
  }

  async countByType(): Promise<LinkCount[]> {
    return this.#db.run(all<LinkCount>('select type, count(*) as count from link group by type order by type'))
  }

  removeType(type: string, limit: number): Promise<number> {
    const text = 'delete from link where id in (select id from link where type = ? limit ?)'
    return this.#db.write(() => run(text, [type, limit]))
  }

  async #in(type: string, column: 'first_id' | 'second_id', ids: readonly string[]): Promise<Link[]> {
    if (ids.length === 0) return []
    const { dialect } = this.#db
    const text = `select l.* from ${dialect.each('text')}
      ${dialect.lookUp('link as l', `l.type = ? and l.${column} = wanted.value`)}`
    return (await this.#db.run(all<LinkRow>(text, [dialect.list(ids), type]))).map(linkOf)
  }
}

const linkOf = ({ id, type, qualifier, first_id, second_id }: LinkRow): Link => ({
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
export function* insertLinks(dialect: Dialect, links: readonly NewLink[]): Work<boolean[]> {
  if (links.length === 0) return []
  const ids = links.map(newId)
  const values = links.flatMap(({ type, qualifier, first, second }, index) => [
    ids[index],
    type,
    qualifier,
    first,
    second,
  ])
  const into = 'insert into link (id, type, qualifier, first_id, second_id)'
  if ((yield* insertRows(dialect, into, [], { width: 5, values }, IGNORE)) === links.length)
    return links.map(() => true)
  const text = `select id from link where id ${dialect.among('text')}`
  const rows = yield* all<{ id: string }>(text, [dialect.list(ids)])
  const added = new Set(rows.map(({ id }) => id))
  return ids.map((id) => added.has(id))
}

export function* deleteLinks(dialect: Dialect, ids: readonly string[]): Work<void> {
  if (ids.length === 0) return
  yield* run(`delete from link where id ${dialect.among('text')}`, [dialect.list(ids)])
}
