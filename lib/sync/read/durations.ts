import type { JsonObject } from '../../contract.ts'

interface Sum {
  min: number
  max: number
  count: number
  sum: number
  squares: number
}

export type MeasuredDurations = readonly (readonly [name: string, sum: Readonly<Sum>])[]

/** Durations of the parts of a run in milliseconds, as `durationSummary` shows them. */
export class Durations {
  readonly #sums = new Map<string, Sum>()

  async measure<T>(name: string, work: () => Promise<T>): Promise<T> {
    const begin = performance.now()
    try {
      return await work()
    } finally {
      this.note(name, performance.now() - begin)
    }
  }

  toJSON(): JsonObject {
    return Object.fromEntries([...this.#sums].map(([name, sum]) => [name, summary(sum)]))
  }

  /** What was measured since the last call, to be added elsewhere. */
  take(): MeasuredDurations {
    const taken = [...this.#sums]
    this.#sums.clear()
    return taken
  }

  /** Adds what was measured elsewhere. */
  add(measured: MeasuredDurations): void {
    for (const [name, other] of measured) {
      const sum = this.#sums.get(name)
      if (!sum) this.#sums.set(name, { ...other })
      else {
        sum.min = Math.min(sum.min, other.min)
        sum.max = Math.max(sum.max, other.max)
        for (const member of ['count', 'sum', 'squares'] as const) sum[member] += other[member]
      }
    }
  }

  note(name: string, ms: number): void {
    const sum = this.#sums.get(name) ?? { min: ms, max: ms, count: 0, sum: 0, squares: 0 }
    sum.min = Math.min(sum.min, ms)
    sum.max = Math.max(sum.max, ms)
    sum.count += 1
    sum.sum += ms
    sum.squares += ms * ms
    this.#sums.set(name, sum)
  }
}

function summary({ min, max, count, sum, squares }: Sum): JsonObject {
  const mean = sum / count
  const variance = Math.max(0, squares / count - mean * mean)
  return {
    min: Math.round(min),
    max: Math.round(max),
    mean: rounded(mean),
    count,
    sum: Math.round(sum),
    stdDev: rounded(Math.sqrt(variance)),
  }
}

const rounded = (ms: number): number => Math.round(ms * 100) / 100
