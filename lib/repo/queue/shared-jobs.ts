import type { Disposable, JsonObject } from '../../contract.ts'

/** A queue of jobs that any process on the same database may carry out. Durations are in seconds. */
export interface SharedQueue {
  readonly name: string
  /**
   * - `standard`: any number of jobs.
   * - `short`: with the same key, one job waits at most.
   * - `singleton`: with the same key, one job is carried out at most.
   * - `stately`: both.
   * - `exclusive`: with the same key, one job waits or is carried out.
   */
  readonly policy: 'standard' | 'short' | 'singleton' | 'stately' | 'exclusive'
  /** How often a job whose handler failed, or whose process died, is carried out again. */
  readonly retryLimit: number
  /** Time after which a job that has not ended is given to another process. */
  readonly expireInSeconds: number
  /** How long a job that has ended is kept. */
  readonly deleteAfterSeconds: number
}

export interface SharedJob {
  readonly id: string
  readonly data: JsonObject
}

export interface SendOptions {
  /** See `SharedQueue.policy`. */
  readonly key?: string
}

export interface SharedWorkOptions {
  /** Max jobs that one call of the handler gets. Default: 1. */
  readonly batchSize?: number
  /** How many calls of the handler may be under way. Default: 1. */
  readonly concurrency?: number
}

/** Jobs for all processes on one database: each is carried out by one of them. */
export interface SharedJobs {
  /**
   * Resolves when the job is on the disk.
   * @returns its id; null when the policy of the queue does not let it in, since another one with its key is there
   * @throws ResourceException 503 when the database cannot be reached
   */
  send(queue: SharedQueue, data: JsonObject, options?: SendOptions): Promise<string | null>
  /**
   * Carries jobs out until it is disposed, which waits for those under way. Starts as soon as the database can be reached.
   * @param handler jobs whose call it rejects are carried out again
   */
  work(
    queue: SharedQueue,
    handler: (jobs: readonly SharedJob[]) => Promise<void>,
    options?: SharedWorkOptions,
  ): Disposable
}
