import type { Session } from '../database/session.ts'
import type { WriteQueue } from '../database/write-queue.ts'
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
  readonly #session: Session
  readonly #writes: WriteQueue

  constructor(session: Session, writes: WriteQueue) {
    this.#session = session
    this.#writes = writes
  }

  async all(): Promise<QueueRecord[]> {
    return this.#session
      .all<Omit<QueueRecord, 'oldest' | 'deletions'>>(QUEUES)
      .map((row) => ({ ...row, oldest: this.#oldest(row.mapping), deletions: deletions(this.#session, row.mapping) }))
  }

  async pause(mapping: string): Promise<string | null> {
    const text = 'select pause from sync_queue where mapping = ?'
    return this.#session.all<{ pause: string | null }>(text, [mapping])[0]?.pause ?? null
  }

  async clientIds(mapping: string): Promise<string | null> {
    const text = 'select client_ids from sync_queue where mapping = ?'
    return this.#session.all<{ client_ids: string | null }>(text, [mapping])[0]?.client_ids ?? null
  }

  async setClientIds(mapping: string, noted: string): Promise<void> {
    await this.#writes.run((session) => session.run(SET_CLIENT_IDS, [mapping, noted]))
  }

  async setPause(mapping: string, pause: string | null): Promise<void> {
    await this.#writes.run((session) => session.run(SET_PAUSE, [mapping, pause]))
  }

  countDeletion(mapping: string, allowed: number): Promise<{ count: number; isAllowed: boolean }> {
    return this.#writes.run(
      (session) => {
        const count = deletions(session, mapping)
        if (count >= allowed) return { count, isAllowed: false }
        session.run('delete from sync_deletion where mapping = ? and minute <= ?', [
          mapping,
          currentMinute() - WINDOW_MINUTES - 1,
        ])
        session.run('insert or ignore into sync_queue (mapping) values (?)', [mapping])
        session.run(COUNT_DELETION, [mapping, currentMinute()])
        return { count, isAllowed: true }
      },
      { isDurable: false },
    )
  }

  async uncountDeletion(mapping: string): Promise<void> {
    await this.#writes.run((session) => session.run(UNCOUNT, [mapping]), { isDurable: false })
  }

  async forgetDeletions(mapping: string): Promise<void> {
    await this.#writes.run((session) => session.run('delete from sync_deletion where mapping = ?', [mapping]))
  }

  /** The oldest of each state, from the index. */
  #oldest(mapping: string): string | null {
    return this.#session.all<{ created: string | null }>(OLDEST, [mapping])[0]?.created ?? null
  }
}

const QUEUES = `select mapping, waiting, dead, pause from sync_queue
  where waiting > 0 or dead > 0 or pause is not null
    or exists (select 1 from sync_deletion as d where d.mapping = sync_queue.mapping) order by mapping`
const FIRST = (state: number) => `select min(key) as key from sync_event where mapping = ?1 and state = ${state}`
const OLDEST = `select created from sync_event where key = (select min(key) from (
  ${[STATE.ready, STATE.behind, STATE.retry, STATE.acquired].map(FIRST).join(' union all ')}))`
const SET_PAUSE = `insert into sync_queue (mapping, pause) values (?1, ?2) on conflict (mapping) do update set pause = ?2`
const SET_CLIENT_IDS = `insert into sync_queue (mapping, client_ids) values (?1, ?2)
  on conflict (mapping) do update set client_ids = ?2`
const COUNT_DELETION = `insert into sync_deletion (mapping, minute, count) values (?, ?, 1)
  on conflict (mapping, minute) do update set count = count + 1`

const UNCOUNT = `update sync_deletion set count = count - 1 where mapping = ?1 and count > 0
  and minute = (select max(minute) from sync_deletion where mapping = ?1 and count > 0)`

const currentMinute = (): number => Math.floor(Date.now() / MINUTE_MS)

/** Of the last hour, and of what remains of the minute in which it began. */
const deletions = (session: Session, mapping: string): number =>
  session.all<{ count: number }>(
    'select coalesce(sum(count), 0) as count from sync_deletion where mapping = ? and minute >= ?',
    [mapping, currentMinute() - WINDOW_MINUTES],
  )[0]?.count ?? 0
