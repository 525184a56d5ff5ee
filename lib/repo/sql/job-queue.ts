import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Disposable } from '../../contract.ts'
import type { QueuedEvent } from '../queue/event.ts'
import type { JobQueue, Subscription } from '../queue/job-queue.ts'
import type { SqlEventStore } from './event-store.ts'
import type { EventWriter } from './queue/event-writer.ts'
import type { RunKeys } from './run-keys.ts'
import type { Stores } from './stores.ts'

export interface SqlJobQueueOptions {
  readonly stores: Stores
  readonly events: SqlEventStore
  readonly writer: EventWriter
  readonly keys: RunKeys
}

/** Events of one process, or of several on a server: see `WakeUps`. */
export class SqlJobQueue implements JobQueue {
  readonly #options: SqlJobQueueOptions
  readonly node = `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`

  constructor(options: SqlJobQueueOptions) {
    this.#options = options
  }

  recover(node?: string): Promise<number> {
    return this.#options.stores.events.recover(node)
  }

  subscribe(mapping: string, { pollingInterval, wake }: Subscription): Disposable {
    const listening = this.#options.writer.listen(mapping, wake)
    const timer = setInterval(wake, pollingInterval).unref()
    return {
      dispose: async () => {
        clearInterval(timer)
        await listening.dispose()
      },
    }
  }

  async acquire(mapping: string, limit: number): Promise<QueuedEvent[]> {
    const { stores, events, keys } = this.#options
    await keys.open()
    return (await stores.events.acquire(mapping, limit, this.node)).map((row) => events.queued(row))
  }

  async nextRetry(mapping: string): Promise<number | undefined> {
    return (await this.#options.stores.events.nextRetry(mapping)) ?? undefined
  }
}
