/**
 * `npm run bench -- queue-beside [--seconds N]`: what proxied requests feel of a target that is down, slow, busy or silent
 * while changes of managed objects are carried over to it, or wait for it. A gateway with a fast target runs at the same time
 * with the same work: whatever else the machine does meanwhile concerns both.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ADMIN, atRate, type Felt, feel, send, startGateway } from './gateway.ts'
import { freePort } from './nginx.ts'
import { cpuMs, type Running, start } from './process.ts'
import { MANAGED } from './recon-remotes.ts'
import { Setup } from './setup.ts'
import { percentile } from './statistics.ts'

/** Of p99 of proxied requests, and of processor time: that beside a target with a fault, over that beside a fast one. */
const MAX_RATIO = 1.5
const WARM_UP_SECONDS = 3
const CALLS_PER_SECOND = 25
const WRITES_PER_SECOND = 10
const OBJECTS = 2000

interface Fault {
  readonly name: string
  /** First part of the path at the target; undefined = nothing listens there. */
  readonly behaviour?: string
  readonly isQueued: boolean
}

const FAST: Fault = { name: 'fast', behaviour: 'fast', isQueued: true }
const FAULTS: readonly Fault[] = [
  { name: 'down', isQueued: true },
  { name: 'slow', behaviour: 'slow', isQueued: true },
  { name: '429', behaviour: 'busy', isQueued: true },
  { name: 'silent', behaviour: 'silent', isQueued: true },
  { name: 'down, no queue', isQueued: false },
  { name: 'silent, no queue', behaviour: 'silent', isQueued: false },
]

interface Measured extends Felt {
  readonly cpuMs: number
  /** Milliseconds of the writes that were answered. */
  readonly writes: readonly number[]
}

/** @returns whether the ratios stay below the limit */
export async function queueBeside(seconds: number): Promise<boolean> {
  const setup = await Setup.create()
  const folder = await mkdtemp(join(tmpdir(), 'idm-queue-'))
  const target = await start('queue-target.ts', 1)
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1000 })
  const nothing = await freePort()
  const open = async ({ behaviour, isQueued }: Fault): Promise<Running> => {
    const origin = `http://127.0.0.1:${behaviour ? `${target.ready.port}/${behaviour}` : nothing}`
    const project = await mkdtemp(join(folder, 'project-'))
    await fill(project, `http://127.0.0.1:${setup.backend.ready.http}`, origin, isQueued)
    return startGateway({ project, dist: setup.dist, core: 0, logLevel: 'error' })
  }
  const running: Running[] = []
  let holds = true
  try {
    const fast = await open(FAST)
    running.push(fast)
    console.log(
      `\nProxied requests, ${CALLS_PER_SECOND} per second, beside ${WRITES_PER_SECOND} writes of managed objects per second; fast target -> other, ratio\n`,
    )
    console.log(
      '  target                     p50 ms              p99 ms             CPU ms/s         failed  write p50 ms  waiting  load',
    )
    for (const fault of FAULTS) {
      const gateway = await open(fault)
      running.push(gateway)
      const pair = [fast, gateway] as const
      await Promise.all(pair.map((one) => measure(one, agent, WARM_UP_SECONDS)))
      const [reference, other] = await Promise.all([measure(fast, agent, seconds), measure(gateway, agent, seconds)])
      holds = print(fault, reference, other, seconds, await waiting(gateway, agent)) && holds
      running.pop()
      await gateway.stop()
    }
    console.log(`  ${holds ? 'holds' : 'MISSED'} (p99 and CPU at most ${MAX_RATIO})`)
    return holds
  } finally {
    agent.destroy()
    for (const gateway of running) await gateway.stop()
    await target.stop()
    await setup.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function fill(project: string, others: string, target: string, isQueued: boolean): Promise<void> {
  const conf = (name: string, content: object) => writeFile(join(project, 'conf', name), JSON.stringify(content))
  const instance = { authType: 'basic', userName: 'bench', password: 'bench' }
  const mapping = {
    ...{ name: 'm', source: 'managed/user', target: 'external/idm/x/managed/user' },
    properties: ['userName', 'givenName', 'sn', 'mail', 'description'].map((name) => ({ source: name, target: name })),
    ...(isQueued && { queuedSync: { enabled: true } }),
  }
  await mkdir(join(project, 'conf'))
  await conf('external.idm-bench.json', { ...instance, instanceUrl: `${others}/openidm/` })
  await conf('external.idm-x.json', { ...instance, instanceUrl: `${target}/openidm/` })
  await conf('managed.json', MANAGED)
  await conf('sync.json', { mappings: [mapping] })
  await conf('gateway.json', { live: true })
}

let written = 0

/** Writes that are not answered in time are left alone. */
async function measure(gateway: Running, agent: http.Agent, seconds: number): Promise<Measured> {
  const before = await cpuMs(gateway.child)
  const writes: number[] = []
  let isOver = false
  const work = atRate(
    WRITES_PER_SECOND,
    () => !isOver,
    async () => {
      const begin = performance.now()
      const { status } = await write(gateway, agent).catch(() => ({ status: 0 }))
      if (status === 200 || status === 201) writes.push(performance.now() - begin)
    },
  )
  const felt = await feel(gateway, agent, delay(seconds * 1000), CALLS_PER_SECOND)
  isOver = true
  await work
  return { ...felt, writes: [...writes], cpuMs: (await cpuMs(gateway.child)) - before }
}

function write({ ready }: Running, agent: http.Agent) {
  const id = `u${written++ % OBJECTS}`
  const content = { userName: id, givenName: 'Given', sn: `${written}`, description: 'x'.repeat(500) }
  const headers = { ...ADMIN, 'content-type': 'application/json' }
  return send(agent, ready.port ?? 0, {
    ...{ method: 'PUT', path: `managed/user/${id}`, headers, body: JSON.stringify(content) },
  })
}

/** How many changes wait. */
async function waiting({ ready }: Running, agent: http.Agent): Promise<number> {
  const path = 'sync/queue?_queryFilter=true&_countOnly=true'
  const { text } = await send(agent, ready.port ?? 0, { method: 'GET', path, headers: ADMIN })
  return JSON.parse(text).resultCount
}

function print({ name }: Fault, fast: Measured, other: Measured, seconds: number, waits: number): boolean {
  const compared = (of: (measured: Measured) => number) => {
    const [before, after] = [of(fast), of(other)]
    return {
      ratio: after / before,
      text: `${before.toFixed(1)} -> ${after.toFixed(1)}, ${(after / before).toFixed(2)}`,
    }
  }
  const p50 = compared(({ latencies }) => percentile(latencies, 0.5))
  const p99 = compared(({ latencies }) => percentile(latencies, 0.99))
  const cpu = compared(({ cpuMs }) => cpuMs / seconds)
  const write = percentile(other.writes, 0.5).toFixed(1)
  const cells = [
    p50.text.padEnd(20),
    p99.text.padEnd(20),
    cpu.text.padEnd(20),
    `${fast.failed}, ${other.failed}`.padEnd(7),
  ]
  const load = loadavg()[0]?.toFixed(1)
  console.log(`  ${name.padEnd(20)} ${cells.join(' ')} ${write.padStart(9)} ${String(waits).padStart(8)}  ${load}`)
  return p99.ratio <= MAX_RATIO && cpu.ratio <= MAX_RATIO && other.failed === 0
}
