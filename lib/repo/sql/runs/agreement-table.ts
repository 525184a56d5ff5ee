import type { ParkedLink } from '../../links/agreement-store.ts'
import type { NewLink } from '../../links/link-store.ts'
import type { Database } from '../statements/database.ts'
import type { Dialect } from '../statements/dialect.ts'
import { all, first, run, type Work } from '../statements/work.ts'

/** See `Agreement`. */
export interface AgreementRecord {
  readonly link: NewLink
  readonly mapping: string
  /** JSON: an object with a member for each field; null removes it. */
  readonly fields: string
}

export interface KnownRecord {
  readonly link: string
  readonly mapping: string
  readonly fields: string
}

export class AgreementTable {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async ofLinks(ids: readonly string[]): Promise<KnownRecord[]> {
    if (ids.length === 0) return []
    const { dialect } = this.#db
    const text = `select a.* from ${dialect.each('text')} ${dialect.lookUp('agreement as a', 'a.link = wanted.value')}`
    return this.#db.run(all<KnownRecord>(text, [dialect.list(ids)]))
  }

  async put(agreements: readonly AgreementRecord[]): Promise<void> {
    await this.#db.write(() => insertAgreements(this.#db.dialect, agreements), { isDurable: false })
  }

  countTurn(link: string, mapping: string, windowMs: number): Promise<number> {
    const [now, values] = [Date.now(), [link, mapping]]
    return this.#db.write(
      function* () {
        yield* run('delete from link_turn where link = ?1 and began < ?2 and parked is null', [link, now - windowMs])
        yield* run(BEGIN_TURNS, [...values, now])
        yield* run('update link_turn set turns = turns + 1, mapping = ?2 where link = ?1 and mapping <> ?2', values)
        const row = yield* first<{ turns: number }>('select turns from link_turn where link = ?', [link])
        return row?.turns ?? 0
      },
      { isDurable: false },
    )
  }

  async park(link: string): Promise<void> {
    const text = 'update link_turn set parked = ? where link = ? and parked is null'
    await this.#db.write(() => run(text, [new Date().toISOString(), link]))
  }

  async release(link: string): Promise<boolean> {
    const remove = (condition: string) => () =>
      run(`delete from link_turn where link = ? and parked ${condition}`, [link])
    await this.#db.write(remove('is null'), { isDurable: false })
    return (await this.#db.write(remove('is not null'))) > 0
  }

  async parked(ids: readonly string[] | null): Promise<ParkedLink[]> {
    const { dialect } = this.#db
    const [condition, values] = ids ? [` and l.id ${dialect.among('text')}`, [dialect.list(ids)]] : ['', []]
    const text = `select l.id, l.type, l.qualifier, l.first_id as first, l.second_id as second, t.mapping, t.parked as since
      from link_turn as t join link as l on l.id = t.link where t.parked is not null${condition} order by l.id`
    return this.#db.run(all<ParkedLink>(text, values))
  }
}

/** Adds to agreements inside a transaction. The rows of the table go with their links. */
export function* insertAgreements(dialect: Dialect, agreements: readonly AgreementRecord[]): Work<void> {
  for (const { link, mapping, fields } of agreements) {
    const ends = [link.type, link.qualifier, link.first, link.second]
    const known = yield* first<{ link: string; fields: string | null }>(KNOWN + dialect.forUpdate, [mapping, ...ends])
    if (known) yield* run(PUT, [known.link, mapping, merged(known.fields, fields)])
  }
}

/** Fields that are null go, others take the place of those before. */
function merged(known: string | null, changes: string): string {
  const fields = new Map(Object.entries(JSON.parse(known ?? '{}') as Record<string, unknown>))
  for (const [field, value] of Object.entries(JSON.parse(changes) as Record<string, unknown>)) {
    if (value === null) fields.delete(field)
    else fields.set(field, value)
  }
  const members = [...fields].map(([field, value]) => `${JSON.stringify(field)}:${JSON.stringify(value)}`)
  return `{${members.join(',')}}`
}

const BEGIN_TURNS = `insert into link_turn (link, mapping, turns, began)
  select id, ?2, 0, ?3 from link where id = ?1 on conflict do nothing`

const KNOWN = `select l.id as link, (select a.fields from agreement as a where a.link = l.id and a.mapping = ?1) as fields
  from link as l where l.type = ?2 and l.qualifier = ?3 and l.first_id = ?4 and l.second_id = ?5`
const PUT = `insert into agreement (link, mapping, fields) values (?, ?, ?)
  on conflict (link, mapping) do update set fields = excluded.fields`
