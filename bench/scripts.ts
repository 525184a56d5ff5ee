/**
 * What hostile scripts cost those who proxy through the same gateway: p99 with them ÷ without, in alternating rounds.
 * The gateway has both cores, so that scripts and proxy can have one each; load and remote share core 1.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ADMIN, startGateway } from './gateway.ts'
import type { Measured } from './load.ts'
import { type Running, residentBytes } from './process.ts'
import { Setup } from './setup.ts'
import { median } from './statistics.ts'

const CONNECTIONS = 32
const SECONDS = 3
const ROUNDS = 7
const PATH = '/openidm/external/idm/bench/small'

/** By what they do. They end by the limits below. */
const HOSTILE: Readonly<Record<string, string>> = {
  loop: 'while (true);',
  recursion: 'while (true) { try { (function f() { return f() + 1 }()) } catch (e) {} }',
  memory: 'var a = []; while (true) a.push(new Array(1000).fill(1))',
  'regular expression': '/^(a+)+$/.test("a".repeat(40) + "b")',
  'reading a remote': 'while (true) openidm.read("external/idm/bench/small")',
  'reading what is here': 'while (true) openidm.read("managed/user/none")',
  logging: 'while (true) logger.debug("x")',
}
const LIMITS = { limits: { computeTime: '1 second', totalTime: '2 seconds' } }

export async function scripts(): Promise<void> {
  const setup = await Setup.create()
  await setup.environment('http', 'basic')
  await writeFile(join(setup.project, 'conf', 'script.json'), JSON.stringify(LIMITS))
  const gateway = await startGateway({ dist: setup.dist, project: setup.project })
  try {
    await round(setup, gateway)
    await runsOf(gateway)
    console.log(`\nGET 700 B (${CONNECTIONS} connections) beside scripts, median of ${ROUNDS} rounds`)
    for (const [name, source] of Object.entries(HOSTILE)) await compare(setup, gateway, name, [source])
    await compare(setup, gateway, 'all of them at once', Object.values(HOSTILE))
    console.log(`  the gateway has ${(residentBytes(gateway.child.pid) / 2 ** 20).toFixed(0)} MB afterwards`)
  } finally {
    await gateway.stop()
    await setup.close()
  }
}

async function compare(setup: Setup, gateway: Running, name: string, sources: readonly string[]): Promise<void> {
  const pairs: { without: Measured; beside: Measured }[] = []
  for (let i = 0; i < ROUNDS; i++) {
    const without = await round(setup, gateway)
    const attack = new AbortController()
    const attacks = sources.map((source) => runAgainAndAgain(gateway, source, attack.signal))
    const beside = await round(setup, gateway)
    attack.abort()
    await Promise.all(attacks)
    pairs.push({ without, beside })
  }
  const p99 = median(pairs.map(({ beside, without }) => beside.p99 / without.p99))
  const rate = median(pairs.map(({ beside, without }) => beside.rate / without.rate))
  const failed = pairs.reduce((sum, { beside }) => sum + beside.failed, 0)
  const [from, to] = [median(pairs.map((pair) => pair.without.p99)), median(pairs.map((pair) => pair.beside.p99))]
  console.log(
    `  ${name.padEnd(24)} p99 × ${p99.toFixed(2)} (${from.toFixed(0)} -> ${to.toFixed(0)} ms), rate × ${rate.toFixed(2)}, ${failed} failed`,
  )
}

function round(setup: Setup, gateway: Running): Promise<Measured> {
  const url = `http://127.0.0.1:${gateway.ready.port}${PATH}`
  return setup.load({ url, method: 'GET', connections: CONNECTIONS, seconds: SECONDS })
}

async function evaluate(gateway: Running, source: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${gateway.ready.port}/openidm/script?_action=eval`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...ADMIN,
    },
    body: JSON.stringify({ type: 'text/javascript', source }),
  })
}

async function runAgainAndAgain(gateway: Running, source: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { status } = await evaluate(gateway, source)
    if (status !== 500) throw new Error(`a hostile script was answered with ${status}`)
  }
}

/** How fast scripts are that do nothing bad, one after the other. */
async function runsOf(gateway: Running): Promise<void> {
  const time = async (name: string, source: string, count: number) => {
    await evaluate(gateway, source)
    const started = performance.now()
    const response = await evaluate(gateway, source)
    const each = (performance.now() - started) / count
    if (response.status !== 200) throw new Error(await response.text())
    console.log(`${name}: ${each.toFixed(3)} ms`)
  }
  await time('an evaluation over HTTP', '1 + 1', 1)
  await time('openidm.read of a managed object that is not there, in a script', calls('managed/user/none', 2000), 2000)
  await time('openidm.read through external/idm, in a script', calls('external/idm/bench/small', 500), 500)
}

const calls = (name: string, count: number): string =>
  `for (var i = 0; i < ${count}; i++) openidm.read(${JSON.stringify(name)}); true`
