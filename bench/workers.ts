/** `node bench/workers.ts [--quick]`: the reference gateway with two workers against one with one, in turns. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Measured, Round } from './load.ts'
import { Setup } from './setup.ts'
import { median, spread } from './statistics.ts'

const BIN = fileURLToPath(new URL('../lib/bin.js', import.meta.url))
const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } })
const [rounds, seconds] = values.quick ? [4, 1] : [9, 3]

/** Not tied to a core: two workers are to use what is there. */
async function startGateway(project: string, workers: number): Promise<{ child: ChildProcess; port: number }> {
  const args = ['start', '--project', project, '--port', '0', '--workers', String(workers)]
  const env = { ...process.env, OPENIDM_ADMIN_PASSWORD: 'openidm-admin', NODE_NO_WARNINGS: '1' }
  const child = spawn(process.execPath, [BIN, ...args], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  if (!child.stdout) throw new Error('no output')
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { child, port: Number(new URL(line.replace('Listening on ', '')).port) }
}

/** Processor time of a process and its children so far, in microseconds; Linux only. */
function processorTime(pid: number | undefined): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  return [pid, ...children].reduce<number>((sum, each) => {
    const fields = readFileSync(`/proc/${each}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return sum + (Number(fields[11]) + Number(fields[12])) * 10_000
  }, 0)
}

const setup = await Setup.create()
await setup.environment('http', 'basic')
const gateways = new Map<number, { child: ChildProcess; port: number }>()
try {
  for (const count of [1, 2]) gateways.set(count, await startGateway(setup.project, count))
  const rates = new Map<number, number[]>([
    [1, []],
    [2, []],
  ])
  const cost = new Map<number, number[]>([
    [1, []],
    [2, []],
  ])
  const measure = async (count: number): Promise<number> => {
    const { port, child } = gateways.get(count) ?? {}
    const url = `http://127.0.0.1:${port}/openidm/external/idm/bench/managed/small`
    const before = processorTime(child?.pid)
    setup.load.child.send({ url, method: 'GET', connections: 64, seconds } satisfies Round)
    const [{ rate, failed }] = (await once(setup.load.child, 'message')) as [Measured]
    cost.get(count)?.push((processorTime(child?.pid) - before) / (rate * seconds))
    if (failed > 0) console.log(`${failed} requests failed with ${count} worker(s)`)
    return rate
  }
  for (const count of [1, 2]) await measure(count)
  for (let n = 0; n < rounds; n++) {
    for (const count of n % 2 === 0 ? [1, 2] : [2, 1]) rates.get(count)?.push(await measure(count))
  }
  const [one = [], two = []] = [rates.get(1), rates.get(2)]
  const ratios = two.map((rate, n) => rate / (one[n] ?? Number.NaN))
  console.log(`one worker ${median(one).toFixed(0)}/s, two workers ${median(two).toFixed(0)}/s`)
  const [costOfOne, costOfTwo] = [1, 2].map((count) => median((cost.get(count) ?? []).slice(1)).toFixed(0))
  console.log(`processor time per request: one worker ${costOfOne} µs, two workers ${costOfTwo} µs`)
  console.log(`two ÷ one: ${median(ratios).toFixed(2)}; one varied by ${(spread(one) * 100).toFixed(0)} %`)
} finally {
  for (const { child } of gateways.values()) child.kill('SIGKILL')
  await setup.close()
}
