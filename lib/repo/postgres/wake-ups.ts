import { setTimeout as delay } from 'node:timers/promises'
import type { Disposable } from '../../contract.ts'
import type { SharedJobs, SharedQueue } from '../queue/shared-jobs.ts'
import type { WakeUps } from '../sql/queue/event-writer.ts'

/** One job waits at most for each mapping; a lost one costs no more than a poll of the mapping. */
const QUEUE: SharedQueue = {
  name: 'events',
  policy: 'short',
  retryLimit: 0,
  expireInSeconds: 60,
  deleteAfterSeconds: 60,
}
/** Changes within this time are announced together. */
const PAUSE_MS = 50
const BATCH = 1000

/** Tells another process that a mapping has events: a job, whose key is the mapping. */
export class SharedWakeUps implements WakeUps {
  readonly #jobs: SharedJobs
  /** Mappings that are being announced, and whether there is more to announce since. */
  readonly #sending = new Map<string, { isAgain: boolean }>()
  readonly #listeners = new Map<string, Set<() => void>>()
  #worker: Disposable | undefined

  constructor(jobs: SharedJobs) {
    this.#jobs = jobs
  }

  send(mapping: string): void {
    const sending = this.#sending.get(mapping)
    if (sending) sending.isAgain = true
    else void this.#send(mapping)
  }

  listen(mapping: string, wake: () => void): Disposable {
    const listeners = this.#listeners.get(mapping) ?? new Set()
    this.#listeners.set(mapping, listeners.add(wake))
    this.#worker ??= this.#jobs.work(QUEUE, async (jobs) => this.#wake(jobs.map(({ data }) => String(data.mapping))), {
      batchSize: BATCH,
    })
    return {
      dispose: async () => {
        listeners.delete(wake)
        if (listeners.size === 0) this.#listeners.delete(mapping)
        if (this.#listeners.size > 0) return
        const worker = this.#worker
        this.#worker = undefined
        await worker?.dispose()
      },
    }
  }

  async #send(mapping: string): Promise<void> {
    const sending = { isAgain: true }
    this.#sending.set(mapping, sending)
    while (sending.isAgain) {
      sending.isAgain = false
      // While the database is away, polls find what was stored.
      await this.#jobs.send(QUEUE, { mapping }, { key: mapping }).catch(() => undefined)
      await delay(PAUSE_MS, undefined, { ref: false })
    }
    this.#sending.delete(mapping)
  }

  #wake(mappings: readonly string[]): void {
    for (const mapping of mappings) for (const wake of this.#listeners.get(mapping) ?? []) wake()
  }
}
