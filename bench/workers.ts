/** `npm run bench -- workers`: the reference gateway with two workers against one with one, in turns. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { familyMs, firstLine, stop } from './process.ts'
import { Setup } from './setup.ts'
import { median, spread } from './statistics.ts'

interface Gateway {
  readonly child: ChildProcess
  readonly port: number
  readonly rates: number[]
  /** Processor time of one request in microseconds. */
  readonly costs: number[]
}

export async function workers(rounds: number, seconds: number): Promise<void> {
  const setup = await Setup.create()
  await setup.environment('http', 'basic')
  const one = await startGateway(setup, 1)
  const two = await startGateway(setup, 2)
  try {
    for (const gateway of [one, two]) await measure(setup, gateway, 1)
    for (const { rates, costs } of [one, two]) rates.length = costs.length = 0
    for (let n = 0; n < rounds; n++) {
      for (const gateway of n % 2 === 0 ? [one, two] : [two, one]) await measure(setup, gateway, seconds)
    }
    print(one, two)
  } finally {
    for (const { child } of [one, two]) await stop(child)
    await setup.close()
  }
}

/** Not tied to a core: two workers are to use what is there. */
async function startGateway({ dist, project }: Setup, count: number): Promise<Gateway> {
  const args = [join(dist, 'bin.js'), 'start', '--project', project, '--port', '0', '--workers', String(count)]
  const env = { ...process.env, OPENIDM_ADMIN_PASSWORD: 'openidm-admin', NODE_NO_WARNINGS: '1' }
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] })
  const line = await firstLine(child)
  return { child, port: Number(new URL(line.replace('Listening on ', '')).port), rates: [], costs: [] }
}

async function measure(setup: Setup, { child, port, rates, costs }: Gateway, seconds: number): Promise<void> {
  const url = `http://127.0.0.1:${port}/openidm/external/idm/bench/managed/small`
  const before = familyMs(child.pid)
  const { rate, count, failed } = await setup.load({ url, method: 'GET', connections: 64, seconds })
  rates.push(rate)
  costs.push(((familyMs(child.pid) - before) * 1000) / count)
  if (failed > 0) console.log(`${failed} requests failed`)
}

function print(one: Gateway, two: Gateway): void {
  const ratios = two.rates.map((rate, n) => rate / (one.rates[n] ?? Number.NaN))
  console.log('\nGET 700 B (64 connections), gateway, load and remote on all cores')
  console.log(`  requests per second: one worker ${median(one.rates).toFixed(0)}, two ${median(two.rates).toFixed(0)}`)
  console.log(
    `  processor time of a request: one ${median(one.costs).toFixed(0)} µs, two ${median(two.costs).toFixed(0)} µs`,
  )
  console.log(
    `  two ÷ one: ${median(ratios).toFixed(2)}; in the middle half of the rounds one varied by ${(spread(one.rates) * 100).toFixed(0)} %`,
  )
}
