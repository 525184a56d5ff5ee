/** Requests per second of each contender, as a ratio to the reference in the same round. */
import { CONTENDERS, REFERENCE } from './contenders.ts'
import type { Measured } from './load.ts'
import { familyMs, type Running } from './process.ts'
import type { Setup } from './setup.ts'
import { median, shuffled, spread } from './statistics.ts'

export interface Work {
  readonly name: string
  readonly path: string
  readonly method: 'GET' | 'POST'
  readonly connections: number
  readonly scheme: 'http' | 'https'
  readonly authType: 'basic' | 'bearer'
}

export interface Row {
  readonly contender: string
  /** Median over the rounds of rate ÷ rate of the reference in the same round. */
  readonly ratio: number
  readonly rate: number
  /** Median of the processor time of one request, in microseconds, and as a ratio to the reference like `ratio`. */
  readonly processor: number
  readonly processorRatio: number
  readonly p99: number
  readonly failed: number
}

export interface Result {
  readonly work: Work
  readonly rows: readonly Row[]
  /** Spread of the reference's processor time of a request over the rounds. */
  readonly noise: number
}

export async function throughput(setup: Setup, work: Work, rounds: number, seconds: number): Promise<Result> {
  const environment = await setup.environment(work.scheme, work.authType)
  const running = new Map<string, Running>()
  try {
    for (const { name, start } of CONTENDERS) running.set(name, await start(environment))
    return await measure(setup, running, work, rounds, seconds)
  } finally {
    for (const process of running.values()) await process.stop()
  }
}

interface Entry extends Measured {
  /** Processor time of one request in microseconds. */
  readonly processor: number
  readonly ratio: number
  readonly processorRatio: number
}

async function measure(
  setup: Setup,
  running: ReadonlyMap<string, Running>,
  work: Work,
  rounds: number,
  seconds: number,
) {
  const measured = new Map<string, Entry[]>()
  const references: number[] = []
  for (const contender of running.values()) await round(setup, contender, work, 1)
  for (let i = 0; i < rounds; i++) {
    const results = new Map<string, Measured & { processor: number }>()
    for (const [name, contender] of shuffled([...running])) {
      results.set(name, await round(setup, contender, work, seconds))
    }
    const reference = results.get(REFERENCE) ?? { rate: Number.NaN, processor: Number.NaN }
    references.push(reference.processor)
    for (const [name, result] of results) {
      const ratio = result.rate / reference.rate
      const entry = { ...result, ratio, processorRatio: reference.processor / result.processor }
      measured.set(name, [...(measured.get(name) ?? []), entry])
    }
  }
  const rows = [...measured].map(([contender, entries]) => rowOf(contender, entries))
  return { work, rows, noise: spread(references) }
}

function rowOf(contender: string, entries: readonly Entry[]): Row {
  const pick = (value: (entry: Entry) => number) => median(entries.map(value))
  return {
    contender,
    ratio: pick((entry) => entry.ratio),
    rate: pick((entry) => entry.rate),
    processor: pick((entry) => entry.processor),
    processorRatio: pick((entry) => entry.processorRatio),
    p99: pick((entry) => entry.p99),
    failed: entries.reduce((sum, { failed }) => sum + failed, 0),
  }
}

async function round(setup: Setup, { ready, child }: Running, work: Work, seconds: number) {
  const { method, connections, path } = work
  const url = `http://127.0.0.1:${ready.port}/openidm/external/idm/bench/managed/${path}`
  const before = familyMs(child.pid)
  const measured = await setup.load({ url, method, connections, seconds })
  return { ...measured, processor: ((familyMs(child.pid) - before) * 1000) / measured.count }
}
