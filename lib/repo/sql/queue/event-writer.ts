import type { NewEvent } from '../../queue/event.ts'
import { eventRecord, type NewEventRecord } from './event-record.ts'

export interface EventWriterOptions {
  /** Makes the data key of events ready. */
  readonly prepare: () => Promise<void>
}

/** Writes that store events, on this side of the thread. Tells who waits for events of which mappings there are some. */
export class EventWriter {
  readonly #prepare: () => Promise<void>
  readonly #listeners = new Map<string, Set<() => void>>()

  constructor({ prepare }: EventWriterOptions) {
    this.#prepare = prepare
  }

  /** @param write stores the records in its transaction */
  async store<T>(events: readonly NewEvent[], write: (records: readonly NewEventRecord[]) => Promise<T>): Promise<T> {
    if (events.length === 0) return write([])
    await this.#prepare()
    const result = await write(events.map(eventRecord))
    const waiting = events.filter(({ claim }) => claim === undefined)
    for (const mapping of new Set(waiting.map((event) => event.mapping))) this.announce(mapping)
    return result
  }

  /** Calls those that wait for events of a mapping. */
  announce(mapping: string): void {
    for (const listener of this.#listeners.get(mapping) ?? []) listener()
  }

  /** @returns a function that ends it */
  listen(mapping: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(mapping) ?? new Set()
    this.#listeners.set(mapping, listeners.add(listener))
    return () => listeners.delete(listener)
  }
}
