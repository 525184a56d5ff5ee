import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { echo, held, reply } from '../helpers/behaviours.ts'
import { resetBeforeHeaders } from '../helpers/faults.ts'
import { writeAtomically } from '../helpers/files.ts'
import type { CallResponse } from '../helpers/http.ts'
import { assertSince, patience } from '../helpers/patience.ts'
import { testPki } from '../helpers/pki.ts'
import { type Remote, startRemote } from '../helpers/remote.ts'
import { until } from '../helpers/until.ts'
import { basicOf, startTlsRemote } from '../proxy/mounted.ts'
import { type App, basic, startApp } from '../security/app.ts'
import { assertNothingLeft, leavesNothing, REMOTE, toldBy } from './fault.ts'

const statusesOf = (answers: readonly CallResponse[]): number[] => answers.map(({ status }) => status)
const many = (app: App, count: number, path = 'eu/x') =>
  Promise.all(Array.from({ length: count }, () => app.call(path)))

describe('limits: the queue for a connection', () => {
  leavesNothing()

  it('has an end: whoever comes behind it is told at once to come again', async () => {
    const gate = held()
    const remote = await startTlsRemote({ behaviour: gate })
    const app = await startApp({ eu: basicOf(remote, { maxConnections: 2, maxQueuedRequests: 3 }) })
    const served = many(app, 2)
    await until(() => gate.waiting === 2)
    const waiting = many(app, 10)
    const begin = performance.now()
    const answers = await Promise.race([waiting, until(() => toldBy(app).length === 1).then(() => undefined)])
    assert.equal(answers, undefined)
    const refused = await app.call('eu/late')
    assertSince(begin, 1000)
    assert.deepEqual(refused.json, {
      code: 503,
      reason: 'Service Unavailable',
      message: `${REMOTE}all of its connections are busy, and too many requests wait for one`,
    })
    assert.equal(refused.headers['retry-after'], '1')
    gate.release()
    const statuses = statusesOf([...(await served), ...(await waiting)])
    assert.equal(statuses.filter((status) => status === 200).length, 2 + 3)
    assert.equal(statuses.filter((status) => status === 503).length, 7)
    assert.equal((await app.call('eu/good')).status, 200)
    assert.equal(app.status('eu')?.state, 'READY')
    await assertNothingLeft(app, [remote])
  })
})

/** A remote that nobody listens at; `come` has somebody listen. */
async function dead() {
  const first = await startRemote()
  const { port, url } = first
  await first.close()
  return { url, come: (): Promise<Remote> => startRemote({ port }) }
}

/** So many that the remote is known to be dead. */
async function opened(app: App): Promise<void> {
  for (let n = 0; n < 5; n++) assert.equal((await app.call('eu/x')).status, 502)
}

describe('limits: the circuit of an instance', () => {
  leavesNothing()

  it('503 with Retry-After at once while it is dead, one request at a time to see, and all when it is back', async () => {
    const { url, come } = await dead()
    const app = await startApp({ eu: basic({ url }) })
    const dying = performance.now()
    await opened(app)
    const begin = performance.now()
    const answers = await many(app, 100)
    assertSince(begin, 1000)
    const shed = answers.filter(({ status }) => status !== 502)
    assert.ok(answers.length - shed.length <= (performance.now() - dying) / 1000, 'one a second is let through')
    for (const { status, headers, json } of shed) {
      const message = `${REMOTE}it could not be reached the last times; it is tried again in a moment`
      assert.deepEqual([status, json], [503, { code: 503, reason: 'Service Unavailable', message }])
      assert.equal(headers['retry-after'], '1')
    }
    assert.equal(app.status('eu')?.state, 'FAILING')
    assert.equal(app.status('eu')?.lastError?.message, `${REMOTE}it refused the connection`, 'the reason stays')
    const remote = await come()
    await until(async () => (await app.call('eu/x')).status === 200, 'it is found to be back')
    assert.deepEqual(new Set(statusesOf(await many(app, 20))), new Set([200]))
    assert.deepEqual(toldBy(app), [`${REMOTE}it refused the connection`])
    await assertNothingLeft(app, [remote])
  })

  it('when it comes up, no crowd falls upon it', async () => {
    const { url, come } = await dead()
    const app = await startApp({ eu: basic({ url }) })
    await opened(app)
    const remote = await come()
    const gate = held()
    remote.answer(gate)
    // Answered neither at once nor late: until then it is not known that it lives, but that it has a connection is.
    await until(async () => {
      const answer = await Promise.race([app.call('eu/x'), until(() => gate.waiting > 0).then(() => undefined)])
      return answer === undefined
    }, 'one is let through')
    assert.equal(remote.requests.length, 1)
    gate.release()
    await until(async () => (await app.call('eu/x')).status === 200)
    await assertNothingLeft(app, [remote])
  })

  const ANSWERS = [200, 400, 401, 403, 404, 429, 500, 502, 503, 504]
  it(`stays closed whatever a remote answers: ${ANSWERS.join(', ')}`, async () => {
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote) })
    for (const status of ANSWERS) {
      remote.answer(reply({ status, body: {} }))
      for (let n = 0; n < 8; n++) assert.equal((await app.call('eu/x')).status, status)
    }
    remote.answer(resetBeforeHeaders())
    for (let n = 0; n < 8; n++) assert.equal((await app.call('eu/x')).status, 502)
    assert.equal(remote.requests.length, ANSWERS.length * 8 + 8 * 2)
    remote.answer(echo())
    assert.equal((await app.call('eu/x')).status, 200)
    await assertNothingLeft(app, [remote])
  })

  it("stays closed for a caller's faults", async () => {
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote) })
    for (let n = 0; n < 20; n++) {
      assert.equal((await app.call('eu/../x')).status, 400)
      assert.equal((await app.call('eu')).status, 404)
    }
    assert.equal((await app.call('eu/x')).status, 200)
    await assertNothingLeft(app, [remote])
  })

  it('new settings begin anew', async () => {
    const { url } = await dead()
    const good = await startRemote()
    const app = await startApp({ eu: basic({ url }) })
    await opened(app)
    assert.equal((await app.call('eu/x')).status, 503)
    await app.configure('eu', basic({ url }, { userName: 'other' }))
    assert.equal((await app.call('eu/x')).status, 502, 'it is tried')
    await app.configure('eu', basic(good))
    assert.equal((await app.call('eu/x')).status, 200)
    await assertNothingLeft(app, [good])
  })

  it('a changed trust store begins anew', async () => {
    const { unknown, unknownAuthority, ca } = await testPki()
    const remote = await startTlsRemote({ tls: await unknown('idm.example.com') })
    const app = await startApp({ eu: basicOf(remote) })
    await opened(app)
    assert.equal((await app.call('eu/x')).status, 503)
    const file = join(dirname(app.confDir), 'security', 'truststore.pem')
    await writeAtomically(file, `${ca}${unknownAuthority.certificate}`)
    // Long before the pause of a second is over.
    await until(async () => (await app.call('eu/x')).status === 200, 'it is tried', { timeoutMs: patience(900) })
    await assertNothingLeft(app, [remote])
  })

  it('one dead instance keeps nobody from another, and the check looks for itself', async () => {
    const { url, come } = await dead()
    const good = await startRemote()
    const app = await startApp({ eu: basic({ url }), us: basic(good) })
    await opened(app)
    assert.deepEqual(statusesOf([await app.call('eu/x'), await app.call('us/x')]), [503, 200])
    const remote = await come()
    const { json } = await app.call('eu?_action=test', { method: 'POST' })
    assert.equal((json as { ok: boolean }).ok, true, JSON.stringify(json))
    assert.equal((await app.call('eu/x')).status, 200, 'which callers profit from')
    await assertNothingLeft(app, [remote, good])
  })
})
