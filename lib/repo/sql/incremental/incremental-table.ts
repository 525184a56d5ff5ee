import type { FieldProof, IncrementalStore, Retry, Settlement, Watermark } from '../../incremental/incremental-store.ts'
import type { Database } from '../statements/database.ts'
import { IGNORE, insertRows } from '../statements/insert-rows.ts'
import { all, first, run, type Work } from '../statements/work.ts'

interface StateRow {
  readonly watermark: string | null
  readonly scope: string | null
  readonly proof: string | null
}

export class IncrementalTable implements IncrementalStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async watermark(mapping: string): Promise<Watermark | undefined> {
    const { watermark, scope } = await this.#state(mapping)
    return watermark === null || scope === null ? undefined : { time: watermark, scope }
  }

  async proof(mapping: string): Promise<FieldProof | undefined> {
    const { proof } = await this.#state(mapping)
    return proof === null ? undefined : (JSON.parse(proof) as FieldProof)
  }

  async prove(mapping: string, proof: FieldProof): Promise<void> {
    const text = `insert into incremental (mapping, proof) values (?, ?)
      on conflict (mapping) do update set proof = excluded.proof`
    await this.#db.write(() => run(text, [mapping, JSON.stringify(proof)]))
  }

  settle(mapping: string, { watermark, failed, done }: Settlement, limit: number): Promise<number | undefined> {
    const { dialect } = this.#db
    const settle = function* (): Work<number | undefined> {
      const known = new Set(yield* idsOf(mapping))
      const left = done === 'rest' ? new Set<string>() : new Set(known)
      for (const id of done === 'rest' ? [] : done) left.delete(id)
      for (const id of failed) left.add(id)
      if (left.size > limit) return undefined
      const gone = [...known].filter((id) => !left.has(id))
      const some = `where mapping = ? and source_id ${dialect.among('text')}`
      yield* run(`delete from incremental_retry ${some}`, [mapping, dialect.list(gone)])
      const fresh = failed.filter((id) => !known.has(id))
      yield* insertRows(dialect, NEW_RETRY, [mapping], { width: 1, values: fresh }, IGNORE)
      const again = failed.filter((id) => known.has(id))
      yield* run(`update incremental_retry set attempts = attempts + 1 ${some}`, [mapping, dialect.list(again)])
      if (watermark) yield* run(WATERMARK, [mapping, watermark.time, watermark.scope])
      return left.size
    }
    return this.#db.write(settle, { locks: [{ name: `incremental/${mapping}` }] })
  }

  async retries(mapping: string, after: string, limit: number): Promise<Retry[]> {
    const text = `select source_id as "sourceId", attempts from incremental_retry
      where mapping = ? and source_id > ? order by source_id limit ?`
    return this.#db.run(all<Retry>(text, [mapping, after, limit]))
  }

  async #state(mapping: string): Promise<StateRow> {
    const text = 'select watermark, scope, proof from incremental where mapping = ?'
    return (await this.#db.run(first<StateRow>(text, [mapping]))) ?? { watermark: null, scope: null, proof: null }
  }
}

function* idsOf(mapping: string): Work<string[]> {
  const text = 'select source_id as id from incremental_retry where mapping = ?'
  return (yield* all<{ id: string }>(text, [mapping])).map(({ id }) => id)
}

const NEW_RETRY = 'insert into incremental_retry (mapping, source_id)'

const WATERMARK = `insert into incremental (mapping, watermark, scope) values (?, ?, ?)
  on conflict (mapping) do update set watermark = excluded.watermark, scope = excluded.scope`
