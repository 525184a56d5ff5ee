import { randomBytes } from 'node:crypto'
import type { SentValue, SentValueStore } from '../../runs/sent-value-store.ts'
import { insertRows } from '../database/insert-rows.ts'
import type { Session } from '../database/session.ts'
import type { WriteQueue } from '../database/write-queue.ts'

export class SentValueTable implements SentValueStore {
  readonly #session: Session
  readonly #writes: WriteQueue

  constructor(session: Session, writes: WriteQueue) {
    this.#session = session
    this.#writes = writes
  }

  async digestKey(): Promise<Uint8Array> {
    const known = this.#storedKey()
    if (known !== undefined) return known
    const fresh = randomBytes(32).toString('base64')
    const insert = `insert or ignore into repository_secret (name, value) values ('digest', ?)`
    await this.#writes.run((session) => session.run(insert, [fresh]))
    return this.#storedKey() ?? new Uint8Array()
  }

  async fields(mapping: string): Promise<{ hidden: string[]; isEmpty: boolean }> {
    const text = 'select field, max(shown is null) as hidden from sent_value where mapping = ? group by field'
    const rows = this.#session.all<{ field: string; hidden: number }>(text, [mapping])
    return { hidden: rows.filter(({ hidden }) => hidden === 1).map(({ field }) => field), isEmpty: rows.length === 0 }
  }

  async ofTargets(mapping: string, targets: readonly string[]): Promise<SentValue[]> {
    if (targets.length === 0) return []
    const text = `select v.* from json_each(?) as wanted cross join sent_value as v
      where v.mapping = ? and v.target = wanted.value`
    return this.#session.all(text, [JSON.stringify(targets), mapping])
  }

  async put(mapping: string, sent: readonly SentValue[]): Promise<void> {
    const values = sent.flatMap(({ qualifier, target, field, digest, shown }) => [
      qualifier,
      target,
      field,
      digest,
      shown,
    ])
    await this.#writes.run((session) => insertRows(session, INTO, [mapping], { width: 5, values }))
  }

  async remove(
    mapping: string,
    { qualifier, target, field }: Pick<SentValue, 'qualifier' | 'target'> & { readonly field?: string | undefined },
  ): Promise<void> {
    const text = `delete from sent_value where mapping = ? and qualifier = ? and target = ?`
    const [condition, values] = field === undefined ? ['', []] : [' and field = ?', [field]]
    await this.#writes.run((session) => session.run(text + condition, [mapping, qualifier, target, ...values]))
  }

  #storedKey(): Uint8Array | undefined {
    const text = `select value from repository_secret where name = 'digest'`
    const [row] = this.#session.all<{ value: string }>(text, [])
    return row && new Uint8Array(Buffer.from(row.value, 'base64'))
  }
}

const INTO = 'insert or replace into sent_value (mapping, qualifier, target, field, digest, shown)'
