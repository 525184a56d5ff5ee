import { randomBytes } from 'node:crypto'
import type { SentValue, SentValueStore } from '../../runs/sent-value-store.ts'
import type { Database } from '../statements/database.ts'
import { insertRows } from '../statements/insert-rows.ts'
import { all, first, run } from '../statements/work.ts'

export class SentValueTable implements SentValueStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async digestKey(): Promise<Uint8Array> {
    const known = await this.#storedKey()
    if (known !== undefined) return known
    const fresh = randomBytes(32).toString('base64')
    const insert = `insert into repository_secret (name, value) values ('digest', ?) on conflict do nothing`
    await this.#db.write(() => run(insert, [fresh]))
    return (await this.#storedKey()) ?? new Uint8Array()
  }

  async fields(mapping: string): Promise<{ hidden: string[]; isEmpty: boolean }> {
    const text = `select field, count(*) filter (where shown is null) as hidden
      from sent_value where mapping = ? group by field`
    const rows = await this.#db.run(all<{ field: string; hidden: number }>(text, [mapping]))
    return { hidden: rows.filter(({ hidden }) => hidden > 0).map(({ field }) => field), isEmpty: rows.length === 0 }
  }

  async ofTargets(mapping: string, targets: readonly string[]): Promise<SentValue[]> {
    if (targets.length === 0) return []
    const { dialect } = this.#db
    const text = `select v.* from ${dialect.each('text')}
      ${dialect.lookUp('sent_value as v', 'v.mapping = ? and v.target = wanted.value')}`
    return this.#db.run(all<SentValue>(text, [dialect.list(targets), mapping]))
  }

  async put(mapping: string, sent: readonly SentValue[]): Promise<void> {
    // One statement changes a row once: of equal ones, the last counts.
    const rows = new Map(sent.map((value) => [JSON.stringify([value.qualifier, value.target, value.field]), value]))
    const values = [...rows.values()].flatMap(({ qualifier, target, field, digest, shown }) => [
      qualifier,
      target,
      field,
      digest,
      shown,
    ])
    const { dialect } = this.#db
    await this.#db.write(() => insertRows(dialect, INTO, [mapping], { width: 5, values }, REPLACE))
  }

  async remove(
    mapping: string,
    { qualifier, target, field }: Pick<SentValue, 'qualifier' | 'target'> & { readonly field?: string | undefined },
  ): Promise<void> {
    const text = `delete from sent_value where mapping = ? and qualifier = ? and target = ?`
    const [condition, values] = field === undefined ? ['', []] : [' and field = ?', [field]]
    await this.#db.write(() => run(text + condition, [mapping, qualifier, target, ...values]))
  }

  async #storedKey(): Promise<Uint8Array | undefined> {
    const text = `select value from repository_secret where name = 'digest'`
    const row = await this.#db.run(first<{ value: string }>(text))
    return row && new Uint8Array(Buffer.from(row.value, 'base64'))
  }
}

const INTO = 'insert into sent_value (mapping, qualifier, target, field, digest, shown)'
const REPLACE = ` on conflict (mapping, target, qualifier, field)
  do update set digest = excluded.digest, shown = excluded.shown`
