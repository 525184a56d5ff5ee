import { setImmediate as turn } from 'node:timers/promises'
import type { Database } from '../statements/database.ts'
import { all, first, run as runStatement } from '../statements/work.ts'
import type { StoredRow } from './row-records.ts'

/** Plans that are indexed at a time. */
const MAX_PLANS = 4
/** Rows that are indexed before other work has its turn. */
const WINDOW = 5000

/**
 * An index of complete plans by the objects of their rows (`placeOfRow`). It is built in a scratch table when a plan is
 * first compared: few plans ever are.
 */
export class RowPlaces {
  readonly #db: Database
  /** From the least recently used. */
  readonly #indexed = new Map<number, Promise<void>>()
  #epoch = 0

  constructor(db: Database) {
    this.#db = db
  }

  /** The rows at these places; of several at one place the first. Rows that now belong to another run are left out. */
  async find(run: number, places: readonly string[]): Promise<StoredRow[]> {
    await this.#ensure(run)
    const { dialect } = this.#db
    const text = `select r.* from ${dialect.each('text')}
      ${dialect.lookUp('run_place as p', 'p.run = ? and p.place = wanted.value')}
      ${dialect.lookUp('run_row as r', 'r.key = p.key and r.run = p.run')} order by wanted.place`
    return this.#db.run(all<StoredRow>(text, [dialect.list(places), run]))
  }

  /** Drops the index of a plan that gets rows. */
  async forget(run: number): Promise<void> {
    this.#indexed.delete(run)
    await this.#db.run(runStatement('delete from run_place where run = ?', [run]))
  }

  async #ensure(run: number): Promise<void> {
    if (this.#epoch !== this.#db.epoch) this.#indexed.clear()
    this.#epoch = this.#db.epoch
    for (let indexing: Promise<void> | undefined; this.#indexed.get(run) !== indexing || !indexing; ) {
      indexing = this.#indexed.get(run) ?? this.#index(run)
      this.#indexed.delete(run)
      this.#indexed.set(run, indexing)
      for (const old of this.#indexed.keys()) if (this.#indexed.size > MAX_PLANS) await this.forget(old)
      // Evicted by other plans meanwhile: it is indexed again.
      await indexing.catch(async (error: unknown) => {
        await this.forget(run)
        throw error
      })
    }
  }

  async #index(run: number): Promise<void> {
    const about = `coalesce(case phase when 'source' then source_id else target_id end, '')`
    const text = `insert into run_place (run, place, key)
      select run, ${this.#db.dialect.joined('phase', 'qualifier', about)}, key
      from run_row where run = ? and key > ? and key <= ? order by key on conflict do nothing`
    const last = `select max(key) as last
      from (select key from run_row where run = ? and key > ? order by key limit ?) as part`
    for (let after = 0; ; await turn()) {
      const end = (await this.#db.run(first<{ last: number | null }>(last, [run, after, WINDOW])))?.last ?? null
      if (end === null) return
      await this.#db.run(runStatement(text, [run, after, end]))
      after = end
    }
  }
}
