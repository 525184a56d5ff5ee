import type { Disposable } from '../../../contract.ts'
import type { NewEvent } from '../../queue/event.ts'
import { eventRecord, type NewEventRecord } from './event-record.ts'

/** Between processes on one database. */
export interface WakeUps {
  /** Tells one of those that listen that a mapping has events, soon. */
  send(mapping: string): void
  /** @param wake called with mappings that another process has stored events of */
  listen(wake: (mapping: string) => void): Disposable
}

export interface EventWriterOptions {
  /** Makes the data key of events ready. */
  readonly prepare: () => Promise<void>
  readonly wakeUps?: WakeUps | undefined
}

/** Writes that store events, on this side of the thread. Tells who waits for events of which mappings there are some. */
export class EventWriter {
  readonly #options: EventWriterOptions
  readonly #listeners = new Map<string, Set<() => void>>()
  #elsewhere: Disposable | undefined

  constructor(options: EventWriterOptions) {
    this.#options = options
  }

  /** @param write stores the records in its transaction */
  async store<T>(events: readonly NewEvent[], write: (records: readonly NewEventRecord[]) => Promise<T>): Promise<T> {
    if (events.length === 0) return write([])
    await this.#options.prepare()
    const result = await write(events.map(eventRecord))
    const waiting = events.filter(({ claim }) => claim === undefined)
    for (const mapping of new Set(waiting.map((event) => event.mapping))) this.announce(mapping)
    return result
  }

  /** Calls those that wait for events of a mapping; in another process where none does here. */
  announce(mapping: string): void {
    if (this.#listeners.has(mapping)) this.#call(mapping)
    else this.#options.wakeUps?.send(mapping)
  }

  listen(mapping: string, listener: () => void): Disposable {
    const listeners = this.#listeners.get(mapping) ?? new Set()
    this.#listeners.set(mapping, listeners.add(listener))
    this.#elsewhere ??= this.#options.wakeUps?.listen((one) => this.#call(one))
    return {
      dispose: async () => {
        listeners.delete(listener)
        if (listeners.size === 0) this.#listeners.delete(mapping)
        if (this.#listeners.size > 0) return
        const elsewhere = this.#elsewhere
        this.#elsewhere = undefined
        await elsewhere?.dispose()
      },
    }
  }

  #call(mapping: string): void {
    for (const listener of this.#listeners.get(mapping) ?? []) listener()
  }
}
