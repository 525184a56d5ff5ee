import type { Database } from '../statements/database.ts'
import type { Dialect } from '../statements/dialect.ts'
import { all, first, run, type Work } from '../statements/work.ts'
import { STATE } from './event-row.ts'

export interface QueueRecord {
  readonly mapping: string
  readonly waiting: number
  readonly dead: number
  /** JSON. */
  readonly pause: string | null
  readonly oldest: string | null
  readonly deletions: number
}

const MINUTE_MS = 60_000
const WINDOW_MINUTES = 60

/** What is known of the queue of each mapping: how many events it has, why it stands still, its deletions by minute. */
export class QueueTable {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async all(): Promise<QueueRecord[]> {
    return this.#db.run(queues(this.#db.dialect))
  }

  async pause(mapping: string): Promise<string | null> {
    const text = 'select pause from sync_queue where mapping = ?'
    return (await this.#db.run(first<{ pause: string | null }>(text, [mapping])))?.pause ?? null
  }

  async clientIds(mapping: string): Promise<string | null> {
    const text = 'select client_ids from sync_queue where mapping = ?'
    return (await this.#db.run(first<{ client_ids: string | null }>(text, [mapping])))?.client_ids ?? null
  }

  async setClientIds(mapping: string, noted: string): Promise<void> {
    await this.#db.write(() => run(SET_CLIENT_IDS, [mapping, noted]))
  }

  async setPause(mapping: string, pause: string | null): Promise<void> {
    await this.#db.write(() => run(SET_PAUSE, [mapping, pause]))
  }

  countDeletion(mapping: string, allowed: number): Promise<{ count: number; isAllowed: boolean }> {
    return this.#db.write(
      function* () {
        const count = yield* deletions(mapping)
        if (count >= allowed) return { count, isAllowed: false }
        yield* run('delete from sync_deletion where mapping = ? and minute <= ?', [
          mapping,
          currentMinute() - WINDOW_MINUTES - 1,
        ])
        yield* run('insert into sync_queue (mapping) values (?) on conflict do nothing', [mapping])
        yield* run(COUNT_DELETION, [mapping, currentMinute()])
        return { count, isAllowed: true }
      },
      { isDurable: false, locks: [{ name: `deletions/${mapping}` }] },
    )
  }

  async uncountDeletion(mapping: string): Promise<void> {
    await this.#db.write(() => run(UNCOUNT, [mapping]), { isDurable: false })
  }

  async forgetDeletions(mapping: string): Promise<void> {
    await this.#db.write(() => run('delete from sync_deletion where mapping = ?', [mapping]))
  }
}

function* queues(dialect: Dialect): Work<QueueRecord[]> {
  const records: QueueRecord[] = []
  for (const row of yield* all<Omit<QueueRecord, 'oldest' | 'deletions'>>(queuesIn(dialect))) {
    const oldest = (yield* first<{ created: string | null }>(OLDEST, [row.mapping]))?.created ?? null
    records.push({ ...row, oldest, deletions: yield* deletions(row.mapping) })
  }
  return records
}

const queuesIn = ({ eventCounts }: Dialect) => `select c.mapping, c.waiting, c.dead, q.pause
  from ${eventCounts} as c left join sync_queue as q on q.mapping = c.mapping
  where c.waiting > 0 or c.dead > 0 or q.pause is not null
    or exists (select 1 from sync_deletion as d where d.mapping = c.mapping) order by c.mapping`
const FIRST = (state: number) => `select min(key) as key from sync_event where mapping = ?1 and state = ${state}`
/** The oldest of each state, from the index. */
const OLDEST = `select created from sync_event where key = (select min(key) from (
  ${[STATE.ready, STATE.behind, STATE.retry, STATE.acquired].map(FIRST).join(' union all ')}) as states)`
const SET_PAUSE = `insert into sync_queue (mapping, pause) values (?1, ?2) on conflict (mapping) do update set pause = ?2`
const SET_CLIENT_IDS = `insert into sync_queue (mapping, client_ids) values (?1, ?2)
  on conflict (mapping) do update set client_ids = ?2`
const COUNT_DELETION = `insert into sync_deletion (mapping, minute, count) values (?, ?, 1)
  on conflict (mapping, minute) do update set count = sync_deletion.count + 1`

const UNCOUNT = `update sync_deletion set count = count - 1 where mapping = ?1 and count > 0
  and minute = (select max(minute) from sync_deletion where mapping = ?1 and count > 0)`

const currentMinute = (): number => Math.floor(Date.now() / MINUTE_MS)

/** Of the last hour, and of what remains of the minute in which it began. */
function* deletions(mapping: string): Work<number> {
  const text = 'select coalesce(sum(count), 0) as count from sync_deletion where mapping = ? and minute >= ?'
  return (yield* first<{ count: number }>(text, [mapping, currentMinute() - WINDOW_MINUTES]))?.count ?? 0
}
