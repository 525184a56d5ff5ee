import type { FieldProof, IncrementalStore, Retry, Settlement, Watermark } from '../../incremental/incremental-store.ts'
import { insertRows } from '../database/insert-rows.ts'
import type { Session } from '../database/session.ts'
import type { WriteQueue } from '../database/write-queue.ts'

interface StateRow {
  readonly watermark: string | null
  readonly scope: string | null
  readonly proof: string | null
}

export class IncrementalTable implements IncrementalStore {
  readonly #session: Session
  readonly #writes: WriteQueue

  constructor(session: Session, writes: WriteQueue) {
    this.#session = session
    this.#writes = writes
  }

  async watermark(mapping: string): Promise<Watermark | undefined> {
    const { watermark, scope } = this.#state(mapping)
    return watermark === null || scope === null ? undefined : { time: watermark, scope }
  }

  async proof(mapping: string): Promise<FieldProof | undefined> {
    const { proof } = this.#state(mapping)
    return proof === null ? undefined : (JSON.parse(proof) as FieldProof)
  }

  async prove(mapping: string, proof: FieldProof): Promise<void> {
    const text = `insert into incremental (mapping, proof) values (?, ?)
      on conflict (mapping) do update set proof = excluded.proof`
    await this.#writes.run((session) => session.run(text, [mapping, JSON.stringify(proof)]))
  }

  settle(mapping: string, { watermark, failed, done }: Settlement, limit: number): Promise<number | undefined> {
    return this.#writes.run((session) => {
      const known = new Set(idsOf(session, mapping))
      const left = done === 'rest' ? new Set<string>() : new Set(known)
      for (const id of done === 'rest' ? [] : done) left.delete(id)
      for (const id of failed) left.add(id)
      if (left.size > limit) return undefined
      const gone = [...known].filter((id) => !left.has(id))
      session.run('delete from incremental_retry where mapping = ? and source_id in (select value from json_each(?))', [
        mapping,
        JSON.stringify(gone),
      ])
      insertRows(session, NEW_RETRY, [mapping], { width: 1, values: failed.filter((id) => !known.has(id)) })
      const again = 'update incremental_retry set attempts = attempts + 1 where mapping = ? and source_id in '
      const values = [mapping, JSON.stringify(failed.filter((id) => known.has(id)))]
      session.run(`${again} (select value from json_each(?))`, values)
      if (watermark) session.run(WATERMARK, [mapping, watermark.time, watermark.scope])
      return left.size
    })
  }

  async retries(mapping: string, after: string, limit: number): Promise<Retry[]> {
    const text = `select source_id as sourceId, attempts from incremental_retry
      where mapping = ? and source_id > ? order by source_id limit ?`
    return this.#session.all<Retry>(text, [mapping, after, limit])
  }

  #state(mapping: string): StateRow {
    const text = 'select watermark, scope, proof from incremental where mapping = ?'
    return this.#session.all<StateRow>(text, [mapping])[0] ?? { watermark: null, scope: null, proof: null }
  }
}

const idsOf = (session: Session, mapping: string): string[] =>
  session
    .all<{ id: string }>('select source_id as id from incremental_retry where mapping = ?', [mapping])
    .map(({ id }) => id)

const NEW_RETRY = 'insert or ignore into incremental_retry (mapping, source_id)'

const WATERMARK = `insert into incremental (mapping, watermark, scope) values (?, ?, ?)
  on conflict (mapping) do update set watermark = excluded.watermark, scope = excluded.scope`
