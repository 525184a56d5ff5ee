import type { SweepNeed } from '../../queue/capture-store.ts'
import type { Database, Lock } from '../statements/database.ts'
import type { Dialect } from '../statements/dialect.ts'
import { all, first, run, type Work } from '../statements/work.ts'
import { ALL_EVENTS, eventLocks } from './event-locks.ts'
import type { NewEventRecord } from './event-record.ts'

/** `CapturedChanges` on their way to the thread, and as an intent is stored. The events hold no objects. */
export interface ChangesRecord {
  readonly events: readonly NewEventRecord[]
  readonly sweeps: readonly string[]
}

type StoreEvents = (events: readonly NewEventRecord[]) => Work<void>

/** `CaptureStore`, with records. */
export class CaptureTable {
  readonly #db: Database
  readonly #storeEvents: StoreEvents

  constructor(db: Database, storeEvents: StoreEvents) {
    this.#db = db
    this.#storeEvents = storeEvents
  }

  async intend(doubt: ChangesRecord, process: string): Promise<number> {
    const text = 'insert into capture_intent (content, process) values (?, ?) returning key'
    const content = JSON.stringify(doubt)
    return (await this.#db.write(() => first<{ key: number }>(text, [content, process])))?.key ?? 0
  }

  /** Its commit need not wait for the disk: after a power failure the intent is there again. */
  settle(key: number, became: ChangesRecord): Promise<string[]> {
    const store = () => this.#store(became)
    const settle = function* () {
      yield* run('delete from capture_intent where key = ?', [key])
      return yield* store()
    }
    return this.#db.write(settle, { isDurable: false, locks: locksOf(became) })
  }

  async processes(): Promise<string[]> {
    const rows = await this.#db.run(
      all<{ process: string }>(`select distinct ${PROCESS} as process from capture_intent`),
    )
    return rows.map(({ process }) => process)
  }

  /** @returns how many intents these processes had, and the mappings of their events */
  recover(processes: readonly string[]): Promise<{ count: number; mappings: string[] }> {
    const { dialect } = this.#db
    const store = (doubt: ChangesRecord) => this.#store(doubt)
    return this.#db.write(
      function* () {
        const rows = yield* all<{ key: number; content: string }>(intentsOf(dialect), [dialect.list(processes)])
        for (const { key } of rows) yield* run('delete from capture_intent where key = ?', [key])
        const doubts = rows.map(({ content }) => JSON.parse(content) as ChangesRecord)
        for (const doubt of doubts) yield* store(doubt)
        const mappings = doubts.flatMap(({ events }) => events.map(({ mapping }) => mapping))
        return { count: rows.length, mappings: [...new Set(mappings)] }
      },
      { locks: [ALL_EVENTS, SWEEPS] },
    )
  }

  async sweepNeeds(): Promise<SweepNeed[]> {
    return this.#db.run(all<SweepNeed>('select mapping, since from sweep_need order by mapping'))
  }

  async clearSweepNeed(mapping: string, begun: number): Promise<void> {
    const text = 'delete from sweep_need where mapping = ? and latest < ?'
    await this.#db.write(() => run(text, [mapping, begun]))
  }

  *#store({ events, sweeps }: ChangesRecord): Work<string[]> {
    yield* this.#storeEvents(events)
    const now = Date.now()
    const noted: string[] = []
    for (const mapping of sweeps) {
      if ((yield* run(NOTED_AGAIN, [now, mapping])) > 0) continue
      if ((yield* run(NOTED, [mapping, new Date(now).toISOString(), now])) > 0) noted.push(mapping)
    }
    return noted
  }
}

/** Earlier releases did not name it. */
const PROCESS = `coalesce(process, '')`
const intentsOf = ({ among }: Dialect) =>
  `select key, content from capture_intent where ${PROCESS} ${among('text')} order by key`
const NOTED_AGAIN = `update sweep_need set latest = case when latest > ?1 then latest else ?1 end where mapping = ?2`
const NOTED = 'insert into sweep_need (mapping, since, latest) values (?, ?, ?)'
const SWEEPS: Lock = { name: 'sweeps' }

const locksOf = ({ events, sweeps }: ChangesRecord): Lock[] => [
  ...eventLocks(events),
  ...(sweeps.length > 0 ? [SWEEPS] : []),
]
