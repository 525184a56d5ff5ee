import { setTimeout as delay } from 'node:timers/promises'
import type { Disposable } from '../../contract.ts'
import type { SharedJob, SharedJobs, SharedQueue } from '../queue/shared-jobs.ts'
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

  constructor(jobs: SharedJobs) {
    this.#jobs = jobs
  }

  send(mapping: string): void {
    const sending = this.#sending.get(mapping)
    if (sending) sending.isAgain = true
    else void this.#send(mapping)
  }

  listen(wake: (mapping: string) => void): Disposable {
    const handler = async (jobs: readonly SharedJob[]) => {
      for (const { data } of jobs) wake(String(data.mapping))
    }
    return this.#jobs.work(QUEUE, handler, { batchSize: BATCH })
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
}
