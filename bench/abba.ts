/**
 * Compares the cost of fixed work between variants. A block starts a fresh process of each variant and measures them in
 * the order A B B A (of several: A B C C B A), so that a drift of the machine cancels out. A block yields one ratio of
 * each metric, the interquartile mean of its pairs; fresh processes make what differs from start to start (compiler decisions,
 * heap layout) part of the interval.
 */
import { interquartileMean, median } from './statistics.ts'

/** Costs by metric, less is better: processor time of one request, time of a start. */
export type Costs = Readonly<Record<string, number>>

export interface Subject {
  /** Does the fixed work once. */
  measure(): Promise<Costs>
  stop(): Promise<void>
}
export interface Variant {
  readonly name: string
  /** Starts it and warms it up. */
  start(): Promise<Subject>
}

/** Work per cost relative to the reference (above 1 is better), with its 95 % interval over `n` blocks. */
export interface Ratio {
  readonly ratio: number
  readonly low: number
  readonly high: number
  readonly n: number
}
export interface Summary extends Ratio {
  /** Of the metric itself, over all measurements. */
  readonly median: number
}
/** By variant, then by metric. */
export type Comparison = ReadonlyMap<string, Readonly<Record<string, Summary>>>

export interface AbbaOptions {
  /** Metrics whose intervals end the comparison once they are narrow. */
  readonly metrics: readonly string[]
  /** How often a block repeats A B B A: many short ones cancel bursts of other work on the machine. */
  readonly rounds?: number
  readonly minBlocks?: number
  readonly maxBlocks?: number
}

/** Half the width of an interval that is narrow enough, as a share. */
const PRECISION = 0.015

/** Adds blocks until the interval of each of the metrics is at most ±1.5 %, or `maxBlocks` is reached. */
export async function compareVariants(
  reference: Variant,
  others: readonly Variant[],
  { metrics, rounds = 1, minBlocks = 5, maxBlocks = 30 }: AbbaOptions,
): Promise<Comparison> {
  const variants = [reference, ...others]
  const blocks: Map<Variant, Costs[]>[] = []
  for (;;) {
    blocks.push(await block(variants, rounds))
    const comparison = new Map(variants.map((variant) => [variant.name, summaries(blocks, variant, reference)]))
    const widest = Math.max(
      ...others.flatMap(({ name }) => metrics.map((metric) => width(comparison.get(name)?.[metric]))),
    )
    if (process.stderr.isTTY || process.env.PROGRESS)
      console.error(`block ${blocks.length}: ±${(widest * 100).toFixed(1)} %`)
    if (blocks.length >= maxBlocks || (blocks.length >= minBlocks && widest <= PRECISION)) return comparison
  }
}

async function block(variants: readonly Variant[], rounds: number): Promise<Map<Variant, Costs[]>> {
  const subjects: (readonly [Variant, Subject])[] = []
  const measured = new Map<Variant, Costs[]>(variants.map((variant) => [variant, []]))
  try {
    for (const variant of variants) subjects.push([variant, await variant.start()])
    for (let round = 0; round < rounds; round++)
      for (const [variant, subject] of [...subjects, ...subjects.toReversed()])
        measured.get(variant)?.push(await subject.measure())
  } finally {
    for (const [, subject] of subjects) await subject.stop()
  }
  return measured
}

function summaries(
  blocks: readonly Map<Variant, Costs[]>[],
  variant: Variant,
  reference: Variant,
): Readonly<Record<string, Summary>> {
  const values = (block: Map<Variant, Costs[]>, of: Variant, metric: string) =>
    (block.get(of) ?? []).map((costs) => costs[metric] ?? Number.NaN)
  const metrics = Object.keys(blocks[0]?.get(variant)?.[0] ?? {})
  return Object.fromEntries(
    metrics.map((metric) => {
      const logs = blocks.map((block) => {
        const to = values(block, reference, metric)
        return interquartileMean(values(block, variant, metric).map((cost, at) => Math.log((to[at] ?? 0) / cost)))
      })
      return [metric, { ...ratioOf(logs), median: median(blocks.flatMap((block) => values(block, variant, metric))) }]
    }),
  )
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** The t interval of the mean of logarithms of ratios. */
export function ratioOf(logs: readonly number[]): Ratio {
  const n = logs.length
  const mean = sum(logs) / n
  const deviation = Math.sqrt(sum(logs.map((log) => (log - mean) ** 2)) / (n - 1))
  const half = n < 2 ? Number.POSITIVE_INFINITY : (quantileOfT(n - 1) * deviation) / Math.sqrt(n)
  return { ratio: Math.exp(mean), low: Math.exp(mean - half), high: Math.exp(mean + half), n }
}

/** The 97.5 % quantile of Student's t: exact for 1 and 2, beyond that by the expansion of Cornish and Fisher, within 1 %. */
function quantileOfT(freedom: number): number {
  if (freedom < 3) return freedom === 1 ? 12.706 : 4.303
  const z = 1.95996
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96
  const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384
  return z + (z ** 3 + z) / (4 * freedom) + second / freedom ** 2 + third / freedom ** 3
}

const width = (ratio: Ratio | undefined) => (ratio ? Math.log(ratio.high / ratio.low) / 2 : Number.POSITIVE_INFINITY)

/** `1.02 [0.99, 1.05], n=8` */
export const ratioText = ({ ratio, low, high, n }: Ratio): string =>
  `${ratio.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}], n=${n}`
