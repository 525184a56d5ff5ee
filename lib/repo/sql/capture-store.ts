import type { CapturedChanges, CaptureStore, SweepNeed } from '../queue/capture-store.ts'
import type { ChangesRecord } from './queue/capture-table.ts'
import { eventRecord } from './queue/event-record.ts'
import type { EventWriter } from './queue/event-writer.ts'
import type { Stores } from './stores.ts'

/** Captured changes, on this side of the thread. Their events hold no objects, and need no data key. */
export class SqlCaptureStore implements CaptureStore {
  readonly #table: Stores['captures']
  readonly #events: EventWriter
  readonly #process: string

  /** @param process see `Repository.process` */
  constructor(table: Stores['captures'], events: EventWriter, process: string) {
    this.#table = table
    this.#events = events
    this.#process = process
  }

  intend(doubt: CapturedChanges): Promise<number> {
    return this.#table.intend(recordOf(doubt), this.#process)
  }

  async settle(key: number, became: CapturedChanges): Promise<readonly string[]> {
    const noted = await this.#table.settle(key, recordOf(became))
    for (const { mapping } of became.events) this.#events.announce(mapping)
    return noted
  }

  processes(): Promise<readonly string[]> {
    return this.#table.processes()
  }

  async recover(processes: readonly string[]): Promise<number> {
    const { count, mappings } = await this.#table.recover(processes)
    for (const mapping of mappings) this.#events.announce(mapping)
    return count
  }

  sweepNeeds(): Promise<readonly SweepNeed[]> {
    return this.#table.sweepNeeds()
  }

  clearSweepNeed(mapping: string, begun: number): Promise<void> {
    return this.#table.clearSweepNeed(mapping, begun)
  }
}

const recordOf = ({ events, sweeps }: CapturedChanges): ChangesRecord => ({ events: events.map(eventRecord), sweeps })
