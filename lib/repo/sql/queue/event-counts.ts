import type { Dialect } from '../statements/dialect.ts'
import { aside, run, type Work } from '../statements/work.ts'

/** How the numbers of a mapping change. */
export interface CountChange {
  readonly mapping: string
  readonly waiting: number
  readonly dead: number
}

/**
 * Changes what is kept of how many events mappings have: to count a million of them takes long. Last in a transaction, and
 * by name, so that two do not wait for each other.
 */
export function* addToCounts({ addEventCounts }: Dialect, changes: readonly CountChange[]): Work<void> {
  const sums = new Map<string, [waiting: number, dead: number]>()
  for (const { mapping, waiting, dead } of changes) {
    const sum = sums.get(mapping) ?? [0, 0]
    sums.set(mapping, [sum[0] + waiting, sum[1] + dead])
  }
  for (const mapping of [...sums.keys()].sort())
    yield* aside(run(addEventCounts, [mapping, ...(sums.get(mapping) ?? [0, 0])]))
}
