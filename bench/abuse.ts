/**
 * `npm run bench -- abuse`: attackers at a fixed rate against the same rate of harmless requests. What counts is what
 * others feel: the delay of the event loop, and the answers to proxied requests of the administrator.
 */
import { writeFile } from 'node:fs/promises'
import http from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ADMIN, atRate, feel, type Request, send, startGateway } from './gateway.ts'
import type { Running } from './process.ts'
import { Setup } from './setup.ts'
import { median, percentile } from './statistics.ts'

const ATTACKS_PER_SECOND = 20
const USERS = 4000
const MOST_LOOP_MS = 50
const MOST_RATIO = 5
/** Of each attack, in turns with harmless requests: a stall of the machine is no verdict. */
const ROUNDS = 3

type MakeRequest = (number: number) => Request

const login = (name: string, password: string) => ({ 'x-openidm-username': name, 'x-openidm-password': password })
const LOW = login('low', 'Passw0rd!')
const json = { 'content-type': 'application/json' }
const repeat = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))

const ping: Request = { method: 'GET', path: 'info/ping', headers: login('anonymous', 'anonymous') }
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
    const gateway = await startGateway({ dist: setup.dist, project: setup.project, logLevel: 'error' })
    try {
      await fill(agent, gateway.ready.port ?? 0)
      await measure(agent, gateway, () => ping, 2)
      console.log(
        `\n${ATTACKS_PER_SECOND} attacks and 50 calls of others per second, medians of ${ROUNDS} rounds of ${seconds} s`,
      )
      console.log(`  ${'attack'.padEnd(38)} loop p99 ms: harmless, attack   calls p99 ms: harmless, attack   ratio`)
      for (const [name, make] of ATTACKS) {
        const rounds: (readonly [harmless: Measured, attack: Measured])[] = []
        for (let round = 0; round < ROUNDS; round++) {
          const harmless = await measure(agent, gateway, () => ping, seconds)
          rounds.push([harmless, await measure(agent, gateway, make, seconds)])
          // Logins that wait for their check, and delayed answers, belong to their own attack.
          await delay(6000)
        }
        print(name, rounds)
      }
    } finally {
      await gateway.stop()
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

async function fill(agent: http.Agent, port: number): Promise<void> {
  const put = (id: string, more: object) =>
    send(agent, port, {
      method: 'PUT',
      path: `managed/user/${id}`,
      headers: { ...ADMIN, ...json },
      body: JSON.stringify({ userName: id, givenName: 'G', sn: 'S', mail: `${id}@example.net`, ...more }),
    })
  const answers = [await put('low', { password: 'Passw0rd!' })]
  for (let n = 0; n < USERS; n += 20) answers.push(...(await Promise.all(repeat(20, (i) => put(`u${n + i}`, {})))))
  const bad = answers.filter(({ status }) => status !== 201)
  if (bad.length > 0) throw new Error(`${bad.length} users were not made: ${bad[0]?.text}`)
}

async function measure(agent: http.Agent, gateway: Running, make: MakeRequest, seconds: number): Promise<Measured> {
  const attacker = new http.Agent({ keepAlive: true })
  const attack = (n: number) => send(attacker, gateway.ready.port ?? 0, make(n)).catch(() => undefined)
  const attacks = atRate(ATTACKS_PER_SECOND, (n) => n < ATTACKS_PER_SECOND * seconds, attack)
  const { latencies, ...felt } = await feel(gateway, agent, delay(seconds * 1000))
  await attacks
  attacker.destroy()
  return { ...felt, p99: percentile(latencies, 0.99) }
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
