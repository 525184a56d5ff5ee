/**
 * `npm run bench -- abuse`: attackers at a fixed rate against the same rate of harmless requests. What counts is what
 * others feel: the delay of the event loop, and the answers to proxied requests of the administrator.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import http from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { firstLine, stop } from './process.ts'
import { Setup } from './setup.ts'
import { median, percentile } from './statistics.ts'

const ATTACKS_PER_SECOND = 20
const CALLS_PER_SECOND = 50
const USERS = 4000
const MOST_LOOP_MS = 50
const MOST_RATIO = 5
/** Of each attack, in turns with harmless requests: a stall of the machine is no verdict. */
const ROUNDS = 3

interface Request {
  readonly method: 'GET' | 'PATCH' | 'PUT'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}
type MakeRequest = (number: number) => Request

const login = (name: string, password: string) => ({ 'x-openidm-username': name, 'x-openidm-password': password })
const ADMIN = login('openidm-admin', 'openidm-admin')
const LOW = login('low', 'Passw0rd!')
const json = { 'content-type': 'application/json' }
const repeat = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))

const ping: Request = { method: 'GET', path: 'info/ping', headers: login('anonymous', 'anonymous') }
const call: Request = { method: 'GET', path: 'external/idm/bench/managed/small', headers: ADMIN }
const patch = (operations: readonly object[]): Request => ({
  method: 'PATCH',
  path: 'managed/user/u0',
  headers: { ...LOW, ...json },
  body: JSON.stringify(operations),
})
const sorted = (keys: number): Request => ({
  method: 'GET',
  path: `managed/user?_queryFilter=true&_pageSize=10&_sortKeys=${repeat(keys, (i) => `f${i}`).join()}`,
  headers: LOW,
})
const replacements = (count: number): Request =>
  patch(repeat(count, (i) => ({ operation: 'replace', field: `/f${i}`, value: i })))

const DOUBLING = [
  { operation: 'add', field: '/a', value: { x: 1 } },
  ...repeat(26, (i) => ({ operation: 'copy', from: '/a', field: `/a/k${i}` })),
]
/** Made once: whoever measures must not be busy with what the attacker sends. */
const always = (request: Request): MakeRequest => {
  const { body, ...head } = request
  const made = body === undefined ? head : { ...head, body: Buffer.from(body) }
  return () => made
}
const BLANKS: Request = { ...ping, headers: { authorization: `Basic a${' '.repeat(15_000)}x` } }

const ATTACKS: readonly (readonly [name: string, make: MakeRequest])[] = [
  ['Authorization with 15,000 blanks', always(BLANKS)],
  ['logins with random names', (n) => ({ ...ping, headers: login(`nobody-${n}`, 'guess') })],
  ['PATCH that doubles a value 26 times', always(patch(DOUBLING))],
  ['400 sort keys over 4,000 objects', always(sorted(400))],
  ['PATCH with 14,000 operations', always(replacements(14_000))],
]

interface Measured {
  readonly loopP99: number
  readonly p99: number
  readonly failed: number
}

export async function abuse(seconds: number): Promise<void> {
  const setup = await Setup.create()
  const agent = new http.Agent({ keepAlive: true, maxSockets: 200 })
  try {
    await setup.environment('http', 'basic')
    await writeAccess(setup)
    const { child, port } = await startGateway(setup)
    try {
      await fill(agent, port)
      await measure(agent, child, port, () => ping, 2)
      console.log(
        `\n${ATTACKS_PER_SECOND} attacks and ${CALLS_PER_SECOND} calls of others per second, medians of ${ROUNDS} rounds of ${seconds} s`,
      )
      console.log(`  ${'attack'.padEnd(38)} loop p99 ms: harmless, attack   calls p99 ms: harmless, attack   ratio`)
      for (const [name, make] of ATTACKS) {
        const rounds: (readonly [harmless: Measured, attack: Measured])[] = []
        for (let round = 0; round < ROUNDS; round++) {
          const harmless = await measure(agent, child, port, () => ping, seconds)
          rounds.push([harmless, await measure(agent, child, port, make, seconds)])
          // Logins that wait for their check, and delayed answers, belong to their own attack.
          await delay(6000)
        }
        print(name, rounds)
      }
    } finally {
      await stop(child)
    }
  } finally {
    agent.destroy()
    await setup.close()
  }
}

function writeAccess({ project }: Setup): Promise<void> {
  const rule = (pattern: string, roles: string, methods: string) => ({ pattern, roles, methods, actions: '*' })
  const configs = [
    rule('info/*', '*', 'read'),
    rule('managed/user', 'internal/role/openidm-authorized', 'query'),
    rule('managed/user/*', 'internal/role/openidm-authorized', 'read,patch'),
    rule('*', 'internal/role/openidm-admin', '*'),
  ]
  return writeFile(join(project, 'conf', 'access.json'), JSON.stringify({ configs }))
}

/** Not tied to a core: password hashes have threads of their own. */
async function startGateway({ dist, project }: Setup): Promise<{ child: ChildProcess; port: number }> {
  const meter = fileURLToPath(new URL('loop-delay.ts', import.meta.url))
  const args = ['--import', meter, join(dist, 'bin.js'), 'start', '--project', project, '--port', '0']
  const env = { ...process.env, OPENIDM_ADMIN_PASSWORD: 'openidm-admin', NODE_NO_WARNINGS: '1', LOG_LEVEL: 'error' }
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const line = await firstLine(child)
  return { child, port: Number(new URL(line.replace('Listening on ', '')).port) }
}

async function fill(agent: http.Agent, port: number): Promise<void> {
  const put = (id: string, more: object) =>
    send(agent, port, {
      method: 'PUT',
      path: `managed/user/${id}`,
      headers: { ...ADMIN, ...json },
      body: JSON.stringify({ userName: id, givenName: 'G', sn: 'S', mail: `${id}@example.net`, ...more }),
    })
  const statuses = [await put('low', { password: 'Passw0rd!' })]
  for (let n = 0; n < USERS; n += 20) statuses.push(...(await Promise.all(repeat(20, (i) => put(`u${n + i}`, {})))))
  const bad = statuses.filter((status) => status !== 201)
  if (bad.length > 0) throw new Error(`${bad.length} users were not made: ${bad[0]}`)
}

async function measure(
  agent: http.Agent,
  child: ChildProcess,
  port: number,
  make: MakeRequest,
  seconds: number,
): Promise<Measured> {
  child.send('reset')
  const latencies: number[] = []
  let failed = 0
  const ask = async () => {
    const begin = performance.now()
    const status = await send(agent, port, call).catch(() => 0)
    latencies.push(performance.now() - begin)
    if (status !== 200) failed += 1
  }
  const attacker = new http.Agent({ keepAlive: true })
  const calls = atRate(CALLS_PER_SECOND, seconds, ask)
  const attacks = atRate(ATTACKS_PER_SECOND, seconds, (n) => send(attacker, port, make(n)).catch(() => 0))
  await Promise.all(await calls)
  child.send('read')
  const [{ loopP99 }] = (await once(child, 'message')) as [{ loopP99: number }]
  await attacks
  attacker.destroy()
  return { loopP99, p99: percentile(latencies, 0.99), failed }
}

/** Begins as many per second whether earlier ones have ended or not. @returns when the last began, all of them */
async function atRate<T>(rate: number, seconds: number, work: (number: number) => Promise<T>): Promise<Promise<T>[]> {
  const begun: Promise<T>[] = []
  const start = performance.now()
  for (let n = 0; n < rate * seconds; n++) {
    const wait = start + (n * 1000) / rate - performance.now()
    if (wait > 0) await delay(wait)
    begun.push(work(n))
  }
  return begun
}

function send(agent: http.Agent, port: number, { method, path, headers, body }: Request): Promise<number> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    const options = {
      port,
      host: '127.0.0.1',
      path: `/openidm/${path}`,
      method,
      agent,
      headers: { ...headers, ...length },
    }
    const request = http.request(options, (response) => {
      response.resume()
      response.once('end', () => resolve(response.statusCode ?? 0))
      response.once('error', reject)
    })
    request.once('error', reject)
    request.end(body)
  })
}

function print(name: string, rounds: readonly (readonly [harmless: Measured, attack: Measured])[]): void {
  const of = (pick: (round: readonly [Measured, Measured]) => number) => median(rounds.map(pick))
  const more = of(([harmless, attack]) => attack.loopP99 - harmless.loopP99)
  const ratio = of(([harmless, attack]) => attack.p99 / harmless.p99)
  const failed = rounds.reduce((sum, [, attack]) => sum + attack.failed, 0)
  const holds = more <= MOST_LOOP_MS && ratio <= MOST_RATIO && failed === 0
  const cells = [
    of(([one]) => one.loopP99),
    of(([, one]) => one.loopP99),
    of(([one]) => one.p99),
    of(([, one]) => one.p99),
  ]
  const failures = failed > 0 ? `, ${failed} calls failed` : ''
  const shown = cells.map((ms) => ms.toFixed(1).padStart(12)).join('  ')
  console.log(
    `  ${name.padEnd(38)} ${shown}   ${ratio.toFixed(2).padStart(5)}  ${holds ? 'holds' : 'MISSED'}${failures}`,
  )
}
