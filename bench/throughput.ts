/** Requests per second of each contender, as a ratio to the reference in the same round. */
import { once } from 'node:events'
import { CONTENDERS, REFERENCE } from './contenders.ts'
import type { Measured, Round } from './load.ts'
import { type Running, start } from './process.ts'
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
  /** Median over the rounds of rate ÷ rate of the reference; undefined when the reference was too restless. */
  readonly ratio: number
  readonly rate: number
  readonly p99: number
  readonly failed: number
}

export interface Result {
  readonly work: Work
  readonly rows: readonly Row[]
  /** Spread of the reference over the rounds, as a share of its median. */
  readonly noise: number
}

export async function throughput(setup: Setup, work: Work, rounds: number, seconds: number): Promise<Result> {
  const environment = await setup.environment(work.scheme, work.authType)
  const running = new Map<string, Running>()
  try {
    for (const { name, file, env } of CONTENDERS) {
      running.set(name, await start(`contenders/${file}`, 0, { ...environment, ...env?.({ project: setup.project }) }))
    }
    return await measure(setup.load, running, work, rounds, seconds)
  } finally {
    for (const process of running.values()) await process.stop()
  }
}

async function measure(
  load: Running,
  running: ReadonlyMap<string, Running>,
  work: Work,
  rounds: number,
  seconds: number,
) {
  const measured = new Map<string, { ratio: number; result: Measured }[]>()
  const references: number[] = []
  const run = (name: string, duration: number) => round(load, running.get(name)?.ready.port ?? 0, work, duration)
  for (const name of running.keys()) await run(name, Math.max(1, seconds / 2))
  for (let i = 0; i < rounds; i++) {
    const results = new Map<string, Measured>()
    for (const name of shuffled([...running.keys()])) results.set(name, await run(name, seconds))
    const reference = results.get(REFERENCE)?.rate ?? Number.NaN
    references.push(reference)
    for (const [name, result] of results) {
      measured.set(name, [...(measured.get(name) ?? []), { ratio: result.rate / reference, result }])
    }
  }
  const rows = [...measured].map(([contender, entries]): Row => {
    const pick = (value: (entry: { ratio: number; result: Measured }) => number) => median(entries.map(value))
    const failed = entries.reduce((sum, { result }) => sum + result.failed, 0)
    return {
      contender,
      ratio: pick((e) => e.ratio),
      rate: pick((e) => e.result.rate),
      p99: pick((e) => e.result.p99),
      failed,
    }
  })
  return { work, rows, noise: spread(references) }
}

async function round(load: Running, port: number, work: Work, seconds: number): Promise<Measured> {
  const { method, connections, path } = work
  const url = `http://127.0.0.1:${port}/openidm/external/idm/bench/managed/${path}`
  load.child.send({ url, method, connections, seconds } satisfies Round)
  const [measured] = await once(load.child, 'message')
  return measured as Measured
}
