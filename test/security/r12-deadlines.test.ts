import assert from 'node:assert/strict'
import type { ExternalIdmOptions } from '../../lib/index.ts'
import { type Behaviour, byHand, echo, held, reply, stream } from '../helpers/behaviours.ts'
import { deafness, silence } from '../helpers/faults.ts'
import { pattern } from '../helpers/pattern.ts'
import { openRaw } from '../helpers/raw.ts'
import { startRemote } from '../helpers/remote.ts'
import { DEFAULT_CLIENT, startTokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { type App, basic, startApp } from './app.ts'
import { startBlackHole, startMute } from './black-hole.ts'

/** Connecting is given time: a machine under load must not be taken for a remote that is gone. */
const SHORT = { socketTimeout: '100ms' }
const LARGE = 40_000_000

async function between(behaviour: Behaviour, more: object = {}, options: Partial<ExternalIdmOptions> = {}) {
  const remote = await startRemote({ behaviour })
  const silent = await startRemote({ behaviour: silence() })
  const app = await startApp({ eu: basic(remote, { ...SHORT, ...more }), clock: basic(silent, SHORT) }, options)
  return { remote, app }
}

/** Lets this many socketTimeouts pass: one for each request that gets no answer. */
async function periods(app: App, count: number): Promise<void> {
  for (let n = 0; n < count; n++) assert.equal((await app.call('clock/tick')).status, 504)
}

const messageOf = (text: string): string => (JSON.parse(text) as { message: string }).message
const faultsOf = ({ log }: App): unknown[] =>
  log.entries.filter(({ details }) => details.instance === 'eu' && details.fault).map(({ details }) => details.fault)

describe('R12 each deadline has its own reason', () => {
  it('queue: 503, and what waited too long is not sent afterwards', async () => {
    const hold = held()
    const { app, remote } = await between(hold, { maxConnections: 1, connectionTimeout: '300ms', socketTimeout: '10s' })
    const first = app.call('eu/first')
    await remote.received(1)
    const second = await app.call('eu/second')
    assert.equal(second.status, 503)
    assert.equal(messageOf(second.text), 'Remote instance "eu": all of its connections are busy')
    hold.release()
    assert.equal((await first).status, 200)
    assert.equal((await app.call('eu/third')).status, 200)
    assert.deepEqual(
      remote.requests.map(({ url }) => url),
      ['/openidm/first', '/openidm/third'],
    )
  })

  const holes: [what: string, start: () => Promise<string>, options?: Partial<ExternalIdmOptions>][] = [
    ['a host that takes no connection', async () => `http://127.0.0.1:${await startBlackHole()}/`],
    ['a host that does not shake hands', async () => `https://idm.example.com:${(await startMute()).port}/`],
    ['a name that never resolves', async () => 'http://idm.example.com/', { lookup: () => undefined }],
  ]
  for (const [what, start, options] of holes)
    it(`connect: 504, ${what}`, async () => {
      const instance = basic({ url: await start() }, { connectionTimeout: '100ms', socketTimeout: '20s' })
      const app = await startApp({ eu: instance }, options)
      const { status, text } = await app.call('eu/x')
      assert.equal(status, 504, text)
      assert.equal(messageOf(text), 'Remote instance "eu": connecting to it took too long')
      assert.deepEqual(faultsOf(app), ['connect'])
    })

  it('response: 504', async () => {
    const { app } = await between(silence())
    for (const call of [{}, { method: 'POST', body: 'x' }]) {
      const { status, text } = await app.call('eu/x', call)
      assert.equal(status, 504)
      assert.equal(messageOf(text), 'Remote instance "eu": it did not begin to answer in time')
    }
  })

  it('idle: the rest of the answer does not come, so it is cut', async () => {
    const { app } = await between(({ response }) => {
      response.writeHead(200, { 'content-length': 10 }).write('12345')
    })
    await assert.rejects(app.call('eu/x'))
    await until(() => faultsOf(app).length > 0)
    assert.deepEqual(faultsOf(app), ['idle'])
  })

  it('idle: a remote that does not take the request is not the fault of the caller: 504', async () => {
    const { app } = await between(deafness())
    const { status, text } = await app.call('eu/x', { method: 'PUT', body: pattern(LARGE) })
    assert.equal(status, 504, text)
    assert.deepEqual(faultsOf(app), ['idle'])
  })

  it('a remote that answers is not disturbed by deadlines that have passed', async () => {
    const hand = byHand()
    const { app } = await between(hand, { socketTimeout: '1500ms' })
    const call = app.call('eu/x')
    const { response } = await hand.next()
    response.writeHead(200)
    for (let n = 0; n < 20; n++) {
      response.write('x')
      await periods(app, 1)
    }
    response.end()
    assert.equal((await call).text, 'x'.repeat(20))
  })

  it('a reused connection is no connection in the making', async () => {
    const hold = held(reply())
    const { app, remote } = await between(hold, { maxConnections: 1, connectionTimeout: '300ms', socketTimeout: '10s' })
    const first = app.call('eu/first')
    await remote.received(1)
    // It waits for the connection of the first, and then sends for longer than connecting may take.
    const raw = await openRaw(app.port)
    await raw.write('PUT /openidm/external/idm/eu/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n1')
    hold.release()
    await first
    await remote.received(2)
    await periods(app, 5)
    await raw.write('23')
    assert.equal((await raw.response()).status, 200)
    assert.equal(remote.connections, 1)
  })

  it('an answer that comes before the request was sent is not cut when it has been', async () => {
    const hand = byHand()
    const { app } = await between(hand, { socketTimeout: '1500ms' })
    const raw = await openRaw(app.port)
    await raw.write('PUT /openidm/external/idm/eu/early HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n1')
    const { response, request } = await hand.next()
    response.writeHead(200, { 'content-length': 6 }).write('0')
    await until(() => raw.received.includes('\r\n\r\n0'), 'the answer begins')
    await raw.write('23')
    await request.received
    for (let n = 1; n < 6; n++) {
      await periods(app, 4)
      response.write(String(n))
    }
    assert.equal((await raw.response()).text, '012345')
  })
})

describe('R12 a slow caller', () => {
  it('that pauses in reading gets all of it, and the remote is not blamed', async () => {
    const { app } = await between(stream({ bytes: LARGE, declared: true }), { socketTimeout: '1s' })
    const answer = await app.open('eu/large').answer
    await periods(app, 12)
    let size = 0
    for await (const chunk of answer) size += (chunk as Buffer).length
    assert.equal(size, LARGE)
    assert.deepEqual(faultsOf(app), [])
    assert.equal(app.status('eu')?.state, 'READY')
  })

  it('that never reads does not hold a connection to the remote for ever, and the remote is not blamed', async () => {
    const { app, remote } = await between(stream({ bytes: LARGE, declared: true }))
    const answer = await app.open('eu/large').answer
    answer.on('error', () => undefined)
    await remote.received(1)
    await until(() => remote.last.aborted, 'the request at the remote ends')
    assert.deepEqual(faultsOf(app), [])
    await until(() => answer.resume().closed, 'the answer is cut')
    assert.ok(!answer.complete)
  })

  const stalls = (head: string) => async (instance: object) => {
    const app = await startApp({ eu: instance })
    const raw = await openRaw(app.port)
    await raw.write(`PUT /openidm/external/idm/eu/x HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n`)
    const { status, text } = await raw.response()
    assert.equal(status, 408)
    assert.equal(messageOf(text), 'The request body did not arrive in time')
    await raw.untilEnded()
    assert.equal(app.status('eu')?.state, 'UNTRIED')
  }
  for (const head of ['Content-Length: 100', 'Transfer-Encoding: chunked'])
    it(`that stops sending: 408 (${head})`, async () => {
      const remote = await startRemote()
      await stalls(head)(basic(remote, SHORT))
      await until(() => remote.openConnections === 0, 'the request at the remote ends')
    })

  it('that stops sending a body which is kept for a second attempt: 408', async () => {
    const tokens = await startTokenServer({ tls: false })
    const remote = await startRemote({ behaviour: echo() })
    await stalls('Content-Length: 100')({
      authType: 'bearer',
      instanceUrl: remote.url,
      clientId: DEFAULT_CLIENT.id,
      clientSecret: DEFAULT_CLIENT.secret,
      tokenEndpoint: tokens.tokenEndpoint,
      ...SHORT,
    })
    assert.equal(remote.requests.length, 0)
  })
})
