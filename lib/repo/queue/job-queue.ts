import type { Disposable } from '../../contract.ts'
import type { QueuedEvent } from './event.ts'

export interface Subscription {
  /** Longest time between two calls, in milliseconds, where nothing else announces events. */
  readonly pollingInterval: number
  /**
   * Events of the mapping may be waiting. It is called at once for what is stored in this process, and soon for what is
   * stored in another process that carries out no events of the mapping.
   */
  readonly wake: () => void
}

/**
 * Decides which process carries out which events. Events are rows of the repository in any case (`EventStore`). On SQLite
 * one process polls its own database; on a database that several processes share, any of them may take events, and a job
 * engine wakes one of them up.
 */
export interface JobQueue {
  /** The name that this process takes events under: another one after each start. */
  readonly node: string
  /**
   * Lets events wait again that were being carried out; what is claimed stays. Called before the first `acquire` of the only
   * process that takes events: what another one had taken before ends with its right to lead.
   * @param node only those that this process had taken, which has ended
   * @returns how many
   */
  recover(node?: string): Promise<number>
  subscribe(mapping: string, subscription: Subscription): Disposable
  /**
   * Takes events that can be carried out now: for each object the oldest, and only when none of the object is taken
   * already. Whoever takes one ends it with `EventStore.finish`.
   * @param limit max events
   */
  acquire(mapping: string, limit: number): Promise<QueuedEvent[]>
  /** When the next event that has failed is due, in milliseconds since 1970; undefined when none is. */
  nextRetry(mapping: string): Promise<number | undefined>
}
