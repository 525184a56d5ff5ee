import { availableParallelism } from 'node:os'

export interface PoolSize {
  /** How many scripts may compute at once. */
  readonly computing: number
  /** How many threads there may be: one for each script that computes or waits. */
  readonly threads: number
  /** How deep scripts may call scripts; there are at least as many threads. */
  readonly depth: number
  /** How many scripts may wait for a thread. */
  readonly queued: number
  /** A thread without work ends after this time. */
  readonly idleMs: number
}

/** All cores but one compute, so that whoever else is in the process keeps one. */
export const defaultPoolSize = (): PoolSize => ({
  computing: Math.max(1, availableParallelism() - 1),
  threads: 64,
  depth: 8,
  queued: 1000,
  idleMs: 30_000,
})

export const mostThreads = ({ threads, depth }: PoolSize): number => Math.max(threads, depth)
