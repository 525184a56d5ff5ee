import assert from 'node:assert/strict'
import { STATUS_CODES } from 'node:http'
import type { LookupFunction } from 'node:net'
import { assertSince, patience } from '../helpers/patience.ts'
import { rawExchange } from '../helpers/raw.ts'
import type { Remote } from '../helpers/remote.ts'
import { until } from '../helpers/until.ts'
import { type App, startApp } from '../security/app.ts'

/** An accident that has been arranged. */
export interface Accident {
  /** The content of the file of the instance `eu`. */
  readonly content: object
  /** Ends the accident where it lies, at the remote say; the gateway is told nothing. */
  heal(app: App): unknown
  /** The servers that the gateway has connections to, as they are when it is closed. */
  servers(): readonly Remote[]
  readonly lookup?: LookupFunction
}

/** One row of the table: an accident and what comes of it. */
export interface Fault {
  readonly title: string
  /** Of the answer; `cut`: it has begun, so the connection is all that can end. */
  readonly status: 401 | 408 | 502 | 503 | 504 | 'cut'
  /** What the caller reads, but for an answer that is cut; and the log, once. */
  readonly message: string
  /** The caller has its answer within this time; a second unless given. */
  readonly withinMs?: number
  /** How long it takes until the instance is tried again when the accident is over; at once unless given. */
  readonly recoveryMs?: number
  readonly arrange: () => Promise<Accident>
}

export const REMOTE = 'Remote instance "eu": '
export const TOKEN = 'Token endpoint of remote instance "eu": '

/** Callers that meet the accident one after the other; the log tells of it once. */
const CALLERS = 3

/** Makes a test of each row: what the callers see, and when; the log; the recovery without a restart; no leak. */
export function testFaults(faults: readonly Fault[]): void {
  for (const fault of faults) {
    it(`${fault.title}: ${fault.status}`, async () => {
      const accident = await fault.arrange()
      const app = await startApp({ eu: accident.content }, accident.lookup ? { lookup: accident.lookup } : {})
      for (let n = 0; n < CALLERS; n++) await assertSeen(app, fault)
      assert.deepEqual(toldBy(app), [fault.message])
      assert.equal(app.status('eu')?.state, 'FAILING')
      await accident.heal(app)
      await assertRecovers(app, fault)
      await assertNothingLeft(app, accident.servers())
    })
  }
}

/** What a person should know of an instance's settings; no fault. */
const NOTICES = /clear text|holds secrets/

/** The warnings and errors in the log. */
export const toldBy = ({ log }: App): string[] =>
  log.entries
    .filter(({ level, message }) => /warn|error/.test(level) && !NOTICES.test(message))
    .map(({ message }) => message)

async function assertSeen(app: App, { status, message, withinMs = 1000 }: Fault): Promise<void> {
  const begin = performance.now()
  if (status === 'cut') {
    const get = 'GET /openidm/external/idm/eu/x HTTP/1.1\r\nHost: x\r\n\r\n'
    const { bytes, responses } = await rawExchange(app.port, get, { untilClose: true })
    assert.ok(bytes.length === 0 || bytes.includes('HTTP/1.1 200 OK\r\n'), 'what came was the beginning of an answer')
    assert.deepEqual(responses, [], 'it is not complete')
    assert.equal(app.status('eu')?.lastError?.message, message)
  } else {
    const answer = await app.call('eu/x')
    assert.deepEqual(answer.json, { code: status, reason: STATUS_CODES[status], message })
    assert.equal(answer.status, status)
    assert.equal(answer.headers['retry-after'], status === 503 ? '1' : undefined)
  }
  assertSince(begin, withinMs)
}

async function assertRecovers(app: App, { recoveryMs }: Fault): Promise<void> {
  const good = async () => (await app.call('eu/good')).status === 200
  if (recoveryMs === undefined) assert.ok(await good(), 'the next request is answered')
  else await until(good, 'requests are answered again', { timeoutMs: patience(recoveryMs) })
  assert.equal(app.status('eu')?.state, 'READY')
}

/** Neither a request in flight, which closing would wait for, nor a connection on either side. */
export async function assertNothingLeft(app: App, servers: readonly Remote[] = []): Promise<void> {
  const open = () => new Promise<number>((done) => app.server.getConnections((_, count) => done(count)))
  await until(async () => (await open()) === 0, 'no connection of a caller is left')
  const begin = performance.now()
  await app.idm.close()
  assertSince(begin, 1000, 'no request was in flight')
  await until(() => servers.every(({ openConnections }) => openConnections === 0), 'no connection to a server is left')
}

/** Called in the body of a `describe`: when its tests are over, no more is open in this process than before them. */
export function leavesNothing(): void {
  let before: Record<string, number> = {}
  beforeEach(function () {
    if (this.currentTest?.parent?.tests[0] === this.currentTest) before = resources()
  })
  after(async () => {
    await until(() => {
      assert.deepEqual(grown(before, resources()), {})
      return true
    }, 'nothing is left open')
  })
}

/** Timers are left out: mocha has one of its own, and a deadline that is forgotten shows at what it holds. */
const resources = (): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) {
    if (name !== 'Timeout' && name !== 'Immediate') counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

const grown = (before: Record<string, number>, now: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(now).filter(([name, count]) => count > (before[name] ?? 0)))
