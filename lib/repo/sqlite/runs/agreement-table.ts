import type { ParkedLink } from '../../links/agreement-store.ts'
import type { NewLink } from '../../links/link-store.ts'
import type { Session } from '../database/session.ts'
import type { WriteQueue } from '../database/write-queue.ts'

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
  readonly #session: Session
  readonly #writes: WriteQueue

  constructor(session: Session, writes: WriteQueue) {
    this.#session = session
    this.#writes = writes
  }

  async ofLinks(ids: readonly string[]): Promise<KnownRecord[]> {
    if (ids.length === 0) return []
    const text = `select a.* from json_each(?) as wanted cross join agreement as a where a.link = wanted.value`
    return this.#session.all<KnownRecord>(text, [JSON.stringify(ids)])
  }

  async put(agreements: readonly AgreementRecord[]): Promise<void> {
    await this.#writes.run((session) => insertAgreements(session, agreements), { isDurable: false })
  }

  countTurn(link: string, mapping: string, windowMs: number): Promise<number> {
    const [now, values] = [Date.now(), [link, mapping]]
    return this.#writes.run(
      (session) => {
        session.run('delete from link_turn where link = ?1 and began < ?2 and parked is null', [link, now - windowMs])
        session.run(BEGIN_TURNS, [...values, now])
        session.run('update link_turn set turns = turns + 1, mapping = ?2 where link = ?1 and mapping <> ?2', values)
        return session.all<{ turns: number }>('select turns from link_turn where link = ?', [link])[0]?.turns ?? 0
      },
      { isDurable: false },
    )
  }

  async park(link: string): Promise<void> {
    const text = 'update link_turn set parked = ? where link = ? and parked is null'
    await this.#writes.run((session) => session.run(text, [new Date().toISOString(), link]))
  }

  async release(link: string): Promise<boolean> {
    const remove = (condition: string) => (session: Session) =>
      session.run(`delete from link_turn where link = ? and parked ${condition}`, [link])
    await this.#writes.run(remove('is null'), { isDurable: false })
    return (await this.#writes.run(remove('is not null'))) > 0
  }

  async parked(ids: readonly string[] | null): Promise<ParkedLink[]> {
    const [condition, values] = ids ? [' and id in (select value from json_each(?))', [JSON.stringify(ids)]] : ['', []]
    const text = `select l.id, l.type, l.qualifier, l.first_id as first, l.second_id as second, t.mapping, t.parked as since
      from link_turn as t join link as l on l.id = t.link where t.parked is not null${condition} order by l.id`
    return this.#session.all<ParkedLink>(text, values)
  }
}

/** Adds to agreements inside a transaction. The rows of the table go with their links. */
export function insertAgreements(session: Session, agreements: readonly AgreementRecord[]): void {
  for (const { link, mapping, fields } of agreements)
    session.run(PUT, [mapping, fields, link.type, link.qualifier, link.first, link.second])
}

const BEGIN_TURNS = `insert or ignore into link_turn (link, mapping, turns, began)
  select id, ?2, 0, ?3 from link where id = ?1`

const PUT = `insert into agreement (link, mapping, fields)
  select id, ?1, json_patch('{}', ?2) from link
    where type = ?3 and qualifier = ?4 and first_id = ?5 and second_id = ?6
  on conflict (link, mapping) do update set fields = json_patch(fields, ?2)`
