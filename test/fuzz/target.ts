import fc from 'fast-check'

/** Something that meets outside text, and what must hold for whatever text that is. */
export interface Target {
  readonly name: string
  /** How many inputs are worth a second; keeps the quick run of `npm test` even. */
  readonly quickRuns: number
  /** Acquires what the property needs; it is released with its owner (see test/helpers/clean-up.ts). */
  start(): Promise<fc.IAsyncProperty<unknown> | fc.IProperty<unknown>>
}

/** Of processor time: no input of 16 kB may take more; a linear reading takes a millisecond. */
const MOST_MS = 100
/** Inputs are long; what fails is at their beginning, and the seed brings them back. */
const LONGEST_REPORT = 3000

/**
 * Runs `work`, again when it was slow: compilation and garbage are slow once, a careless algorithm each time.
 * @throws Error when it is slow each time, and what `work` throws
 */
export function quickly<T>(work: () => T): T {
  const times: number[] = []
  const timed = () => {
    const begin = process.threadCpuUsage()
    try {
      return work()
    } finally {
      times.push(process.threadCpuUsage(begin).user / 1000)
    }
  }
  for (;;) {
    const result = outcomeOf(timed)
    if ((times.at(-1) ?? 0) < MOST_MS) return result()
    if (times.length === 3) throw new Error(`it took ${Math.round(Math.min(...times))} ms`)
  }
}

function outcomeOf<T>(work: () => T): () => T {
  try {
    const value = work()
    return () => value
  } catch (error) {
    return () => {
      throw error
    }
  }
}

/** Text of up to 16 kB that repeats something, as attacks on careless readers do. */
export const pumped = (pieces: readonly string[]): fc.Arbitrary<string> => {
  const piece = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...pieces) },
    { weight: 1, arbitrary: fc.string({ maxLength: 3 }) },
  )
  const parts = fc.array(piece, { maxLength: 4 }).map((found) => found.join(''))
  return fc
    .tuple(parts, piece, fc.constantFrom(0, 1, 3, 200, 16_000), parts)
    .map(([start, pump, length, end]) => start + pump.repeat(Math.ceil(length / Math.max(1, pump.length))) + end)
}

export interface Outcome {
  readonly runs: number
  readonly seed: number
  /** Undefined = nothing found. */
  readonly failure: string | undefined
}

export interface Budget {
  readonly seed: number
  readonly numRuns?: number
  readonly ms?: number
}

/** Feeds the target until its budget is spent or something is found. */
export async function fuzz(target: Target, { seed, numRuns = Number.MAX_SAFE_INTEGER, ms }: Budget): Promise<Outcome> {
  const property = await target.start()
  const limit = ms === undefined ? {} : { interruptAfterTimeLimit: ms, markInterruptAsFailure: false }
  const details = await fc.check(property, { seed, numRuns, ...limit })
  const report = details.failed ? `${details.errorInstance}\n${fc.defaultReportMessage(details)}` : undefined
  const failure = report?.slice(0, LONGEST_REPORT)
  return { runs: details.numRuns, seed, failure }
}
