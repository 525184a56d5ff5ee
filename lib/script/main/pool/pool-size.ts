import { availableParallelism } from 'node:os'

export interface PoolSize {
  /** Max scripts that compute at the same time. */
  readonly computing: number
  /** Max threads: one for each script that computes or waits. */
  readonly threads: number
  /** Max depth of scripts that call scripts; there are at least as many threads. */
  readonly depth: number
  /** Max scripts that wait for a thread. */
  readonly queued: number
  /** An idle thread ends after this time. */
  readonly idleMs: number
}

/** Scripts compute on all cores but one, which is left for the rest of the process. */
export const defaultPoolSize = (): PoolSize => ({
  computing: Math.max(1, availableParallelism() - 1),
  threads: 64,
  depth: 8,
  queued: 1000,
  idleMs: 30_000,
})

export const maxThreads = ({ threads, depth }: PoolSize): number => Math.max(threads, depth)
