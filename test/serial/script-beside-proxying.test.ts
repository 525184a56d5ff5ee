import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import { ADMIN, startGateway, type TestGateway } from '../gateway/parts.ts'
import { request } from '../helpers/http.ts'
import { patience } from '../helpers/patience.ts'
import { acceptsBasic, basic, startCrestServer } from '../remote/resource-parts.ts'
import { js } from '../script/parts.ts'

/** `SCRIPT_LOAD_MS=10000` measures instead of only trying: it prints p99 with hostile scripts ÷ without. */
const MEASURE_MS = Number(process.env.SCRIPT_LOAD_MS ?? 0)
const CONNECTIONS = 32

const HOSTILE = [
  'while (true);',
  '(function f() { return f() + 1 }())',
  '"x".repeat(1024 * 1024 * 1024)',
  'var a = []; while (true) a.push(new Array(1000).fill(1))',
  '/^(a+)+$/.test("a".repeat(40) + "b")',
  'while (true) openidm.read("external/idm/eu/managed/user/u1")',
  'while (true) openidm.read("managed/user/none")',
  'while (true) logger.debug("x")',
  'Object.prototype.x = 1; while (true) { try { null.x } catch (e) { e.constructor.constructor("return this")().y = 1 } }',
]

/** Asks the remote through the gateway on 32 connections until `isOver`. @returns milliseconds of each request, sorted */
async function proxyLoad(gateway: TestGateway, isOver: (count: number) => boolean): Promise<number[]> {
  const times: number[] = []
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const url = `${gateway.url}/external/idm/eu/managed/user/u1`
  const client = async () => {
    while (!isOver(times.length)) {
      const started = performance.now()
      const { status, text } = await request(url, { headers: ADMIN, agent })
      assert.equal(status, 200, text)
      times.push(performance.now() - started)
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, client))
  agent.destroy()
  return times.sort((a, b) => a - b)
}

/** Runs hostile scripts one after the other, `atOnce` at a time. @returns what they ended with */
async function attack(gateway: TestGateway, atOnce: number, isOver: () => boolean): Promise<string[]> {
  const endings: string[] = []
  let next = 0
  const attacker = async () => {
    while (!isOver()) {
      const source = HOSTILE[next++ % HOSTILE.length] ?? ''
      const { status, json } = await gateway.call('/script?_action=eval', { method: 'POST', json: js(source) })
      assert.equal(status, 500, source)
      endings.push(String((json as { message: string }).message))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, attacker))
  return endings
}

const percentile = (sorted: readonly number[], part: number): number => sorted[Math.floor(sorted.length * part)] ?? 0

async function startUnderAttack(): Promise<TestGateway> {
  const remote = await startCrestServer({ accepts: acceptsBasic, handlers: { 'managed/user': new MemoryCollection() } })
  const gateway = await startGateway({
    plugins: [join(import.meta.dirname, '../..')],
    conf: {
      'external.idm-eu.json': basic(remote),
      'script.json': { limits: { computeTime: '300 ms', totalTime: '1 second', memoryMB: 48 } },
    },
  })
  const user = {
    method: 'PUT',
    headers: { ...ADMIN, 'if-none-match': '*' },
    json: { userName: 'u1', sn: 'x'.repeat(600) },
  }
  assert.equal((await gateway.call('/external/idm/eu/managed/user/u1', user)).status, 201)
  return gateway
}

describe('proxying beside hostile scripts', () => {
  it('32 connections go on, none fails, and the scripts end with clear errors', async () => {
    const gateway = await startUnderAttack()
    let isOver = false
    const attacks = attack(gateway, 6, () => isOver)
    const times = await proxyLoad(gateway, (count) => count >= 800)
    isOver = true
    for (const message of await attacks) assert.match(message, /was stopped: it|invalid string length|nested too deep/)
    assert.ok(percentile(times, 0.99) < patience(1000), `99 of 100 took less than ${percentile(times, 0.99)} ms`)
    assert.equal(gateway.log.entries.filter(({ level }) => level === 'fatal').length, 0)
  })

  it('is hardly slower, measured', async function () {
    if (MEASURE_MS === 0) this.skip()
    this.timeout(MEASURE_MS * 10)
    const gateway = await startUnderAttack()
    const measure = async (attackers: number) => {
      const end = performance.now() + MEASURE_MS / 4
      const isOver = () => performance.now() > end
      const attacks = attack(gateway, attackers, isOver)
      const times = await proxyLoad(gateway, isOver)
      return {
        p50: percentile(times, 0.5),
        p99: percentile(times, 0.99),
        count: times.length,
        attacks: (await attacks).length,
      }
    }
    await measure(0)
    for (let round = 0; round < 3; round++) {
      const [without, one, six] = [await measure(0), await measure(1), await measure(6)]
      console.log(
        { without, one, six },
        `p99 with one ÷ without: ${(one.p99 / without.p99).toFixed(2)}, with six: ${(six.p99 / without.p99).toFixed(2)}`,
      )
    }
  })
})
