import { setImmediate as turn } from 'node:timers/promises'
import type { Session } from '../database/session.ts'
import type { StoredRow } from './row-table.ts'

/** Plans that are indexed at a time. */
const MAX_PLANS = 4
/** Rows that are indexed before other work has its turn. */
const WINDOW = 5000

/**
 * An index of complete plans by the objects of their rows (`placeOfRow`). It is built in a scratch table when a plan is
 * first compared: few plans ever are.
 */
export class RowPlaces {
  readonly #session: Session
  /** From the least recently used. */
  readonly #indexed = new Map<number, Promise<void>>()

  constructor(session: Session) {
    this.#session = session
  }

  /** The rows at these places; of several at one place the first. Rows that now belong to another run are left out. */
  async find(run: number, places: readonly string[]): Promise<StoredRow[]> {
    await this.#ensure(run)
    const text = `select r.* from json_each(?) as wanted cross join run_place as p cross join run_row as r
      where p.run = ? and p.place = wanted.value and r.key = p.key and r.run = p.run`
    return this.#session.all(text, [JSON.stringify(places), run])
  }

  /** Drops the index of a plan that gets rows. */
  forget(run: number): void {
    this.#indexed.delete(run)
    this.#session.run('delete from run_place where run = ?', [run])
  }

  async #ensure(run: number): Promise<void> {
    for (let indexing: Promise<void> | undefined; this.#indexed.get(run) !== indexing || !indexing; ) {
      indexing = this.#indexed.get(run) ?? this.#index(run)
      this.#indexed.delete(run)
      this.#indexed.set(run, indexing)
      for (const old of this.#indexed.keys()) if (this.#indexed.size > MAX_PLANS) this.forget(old)
      // Evicted by other plans meanwhile: it is indexed again.
      await indexing.catch((error: unknown) => {
        this.forget(run)
        throw error
      })
    }
  }

  async #index(run: number): Promise<void> {
    const text = `insert or ignore into run_place (run, place, key)
      select run, phase || char(31) || qualifier || char(31)
        || coalesce(case phase when 'source' then source_id else target_id end, ''), key
      from run_row where run = ? and key > ? and key <= ? order by key`
    const last = 'select max(key) as last from (select key from run_row where run = ? and key > ? order by key limit ?)'
    for (let after = 0; ; await turn()) {
      const end = this.#session.all<{ last: number | null }>(last, [run, after, WINDOW])[0]?.last ?? null
      if (end === null) return
      this.#session.run(text, [run, after, end])
      after = end
    }
  }
}
