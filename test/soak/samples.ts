import type { Holdings } from './gateway.ts'

export interface Sample extends Holdings {
  /** Since the start. */
  readonly seconds: number
  readonly answers: number
}

const COLUMNS = ['seconds', 'answers', 'heap', 'resident', 'handles', 'files', 'listeners'] as const

export const heading = (): string => COLUMNS.map((name) => name.padStart(10)).join('')

export const row = (sample: Sample): string =>
  COLUMNS.map((name) => sample[name].toFixed(name === 'heap' || name === 'resident' ? 1 : 0).padStart(10)).join('')

/** Compiled code and caches fill up at first: so much of the run does not count. */
const WARM_UP = 1 / 4
/** How much more the end may hold than the beginning. Resident memory is the system's business as well: it is only shown. */
const TOLERANCE: Readonly<Record<'heap' | 'handles' | 'files' | 'listeners', (before: number) => number>> = {
  heap: (before) => before * 0.1 + 2,
  handles: () => 2,
  files: () => 4,
  listeners: () => 0,
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

/** @returns one sentence for each holding of which the last third of the run has more than the first */
export function growth(samples: readonly Sample[]): string[] {
  const counted = samples.slice(Math.floor(samples.length * WARM_UP))
  const third = Math.max(1, Math.floor(counted.length / 3))
  const [first, last] = [counted.slice(0, third), counted.slice(-third)]
  return Object.entries(TOLERANCE).flatMap(([name, tolerance]) => {
    const of = (sample: Sample) => sample[name as keyof typeof TOLERANCE]
    const before = median(first.map(of))
    const after = median(last.map(of))
    return after > before + tolerance(before) ? [`${name} grew from ${before.toFixed(1)} to ${after.toFixed(1)}`] : []
  })
}
