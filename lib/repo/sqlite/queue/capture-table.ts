import type { SweepNeed } from '../../queue/capture-store.ts'
import type { Session } from '../database/session.ts'
import type { WriteQueue } from '../database/write-queue.ts'
import type { NewEventRecord } from './event-record.ts'

/** `CapturedChanges` on their way to the thread, and as an intent is stored. The events hold no objects. */
export interface ChangesRecord {
  readonly events: readonly NewEventRecord[]
  readonly sweeps: readonly string[]
}

type StoreEvents = (session: Session, events: readonly NewEventRecord[]) => void

/** The thread's side of `CaptureStore`. */
export class CaptureTable {
  readonly #session: Session
  readonly #writes: WriteQueue
  readonly #storeEvents: StoreEvents

  constructor(session: Session, writes: WriteQueue, storeEvents: StoreEvents) {
    this.#session = session
    this.#writes = writes
    this.#storeEvents = storeEvents
  }

  intend(doubt: ChangesRecord): Promise<number> {
    const text = 'insert into capture_intent (content) values (?) returning key'
    const content = JSON.stringify(doubt)
    return this.#writes.run((session) => session.all<{ key: number }>(text, [content])[0]?.key ?? 0)
  }

  /** Its commit need not wait for the disk: after a power failure the intent is there again. */
  settle(key: number, became: ChangesRecord): Promise<string[]> {
    const settle = (session: Session) => {
      session.run('delete from capture_intent where key = ?', [key])
      return this.#store(session, became)
    }
    return this.#writes.run(settle, { isDurable: false })
  }

  /** @returns how many intents there were, and the mappings of their events */
  recover(): Promise<{ count: number; mappings: string[] }> {
    return this.#writes.run((session) => {
      const rows = session.all<{ content: string }>('select content from capture_intent order by key')
      session.run('delete from capture_intent')
      const all = rows.map(({ content }) => JSON.parse(content) as ChangesRecord)
      for (const doubt of all) this.#store(session, doubt)
      const mappings = all.flatMap(({ events }) => events.map(({ mapping }) => mapping))
      return { count: rows.length, mappings: [...new Set(mappings)] }
    })
  }

  async sweepNeeds(): Promise<SweepNeed[]> {
    return this.#session.all('select mapping, since from sweep_need order by mapping')
  }

  async clearSweepNeed(mapping: string, begun: number): Promise<void> {
    const text = 'delete from sweep_need where mapping = ? and latest < ?'
    await this.#writes.run((session) => session.run(text, [mapping, begun]))
  }

  #store(session: Session, { events, sweeps }: ChangesRecord): string[] {
    this.#storeEvents(session, events)
    const now = Date.now()
    return sweeps.filter((mapping) => {
      if (session.run('update sweep_need set latest = max(latest, ?) where mapping = ?', [now, mapping]) > 0)
        return false
      const row = [mapping, new Date(now).toISOString(), now]
      return session.run('insert into sweep_need (mapping, since, latest) values (?, ?, ?)', row) > 0
    })
  }
}
