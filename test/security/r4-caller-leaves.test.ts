import assert from 'node:assert/strict'
import { byHand, echo, held, reply, stream } from '../helpers/behaviours.ts'
import { silence } from '../helpers/faults.ts'
import { assertSince } from '../helpers/patience.ts'
import { openRaw } from '../helpers/raw.ts'
import { startRemote } from '../helpers/remote.ts'
import { DEFAULT_CLIENT, startTokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { type App, basic, startApp } from './app.ts'
import { startMute } from './black-hole.ts'

/** Closing waits for what is in flight, up to 10 s: nothing may be. The remote is not blamed for a caller that left. */
async function assertNothingLeft(app: App): Promise<void> {
  assert.notEqual(app.status('eu')?.state, 'FAILING')
  assert.equal(app.status('eu')?.lastError, null)
  const begin = performance.now()
  await app.idm.close()
  assertSince(begin, 3000, 'nothing was in flight')
  assert.deepEqual(app.log.messages('error'), [])
}

/** Begins a request by hand; `destroy` leaves, as a browser does whose tab is closed. */
async function begin(app: App, head: string, body = '') {
  const raw = await openRaw(app.port)
  await raw.write(`${head} HTTP/1.1\r\nHost: x\r\n${body === '' ? '' : 'Content-Length: 1000000\r\n'}\r\n${body}`)
  return raw
}

const GET = 'GET /openidm/external/idm/eu/x'
const POST = 'POST /openidm/external/idm/eu/x'

describe('R4 a caller that leaves ends the request at the remote', () => {
  it('while it waits in the queue: the remote never hears of it', async () => {
    const hold = held()
    const remote = await startRemote({ behaviour: hold })
    const app = await startApp({ eu: basic(remote, { maxConnections: 1 }) })
    const first = app.call('eu/first')
    await remote.received(1)
    const raw = await begin(app, GET)
    const sockets = () => new Promise<number>((done) => app.server.getConnections((_, count) => done(count)))
    await until(async () => (await sockets()) === 2)
    raw.destroy()
    await until(async () => (await sockets()) === 1, 'the gateway notices')
    hold.release()
    assert.equal((await first).status, 200)
    assert.equal((await app.call('eu/last')).status, 200)
    assert.deepEqual(
      remote.requests.map(({ url }) => url),
      ['/openidm/first', '/openidm/last'],
    )
    await assertNothingLeft(app)
  })

  it('while a token is fetched: others still get it', async () => {
    const tokens = await startTokenServer()
    const hold = held(tokens.honest)
    tokens.answer(hold)
    const remote = await startRemote()
    const app = await startApp({
      eu: {
        authType: 'bearer',
        instanceUrl: remote.url,
        clientId: DEFAULT_CLIENT.id,
        clientSecret: DEFAULT_CLIENT.secret,
        tokenEndpoint: tokens.tokenEndpoint,
        tokenEndpointAuthMethod: 'client_secret_post',
      },
    })
    const raw = await begin(app, GET)
    await until(() => hold.waiting === 1)
    const other = app.call('eu/other')
    raw.destroy()
    hold.release()
    assert.equal((await other).status, 200)
    assert.deepEqual([tokens.requests.length, remote.requests.length], [1, 1])
    await assertNothingLeft(app)
  })

  it('while it connects', async () => {
    const mute = await startMute()
    const app = await startApp({ eu: basic({ url: `https://idm.example.com:${mute.port}/` }) })
    const raw = await begin(app, GET)
    await until(() => mute.open === 1)
    raw.destroy()
    await until(() => mute.open === 0, 'the connection is given up')
    await assertNothingLeft(app)
  })

  it('while it sends its body', async () => {
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote) })
    const raw = await begin(app, POST, 'some of it')
    const request = await remote.received(1)
    await until(() => request.bodyLength > 0)
    raw.destroy()
    await until(() => request.aborted, 'the remote notices')
    assert.ok(!request.complete)
    await assertNothingLeft(app)
  })

  for (const [how, leave] of [
    ['a polite end', (raw: Awaited<ReturnType<typeof openRaw>>) => raw.destroy()],
    ['a reset', (raw: Awaited<ReturnType<typeof openRaw>>) => raw.reset()],
  ] as const)
    it(`while it waits for the answer (${how})`, async () => {
      const remote = await startRemote({ behaviour: silence() })
      const app = await startApp({ eu: basic(remote) })
      const raw = await begin(app, GET)
      const request = await remote.received(1)
      leave(raw)
      await until(() => request.aborted, 'the remote notices')
      await assertNothingLeft(app)
    })

  it('in the middle of a slow body, and of one that it does not read', async () => {
    const slow = byHand()
    const remote = await startRemote({ behaviour: slow })
    const app = await startApp({ eu: basic(remote) })
    const first = await begin(app, GET)
    const { response, request } = await slow.next()
    response.writeHead(200).write('a little')
    await until(() => first.received.includes('a little'))
    first.destroy()
    await until(() => request.aborted, 'the remote notices')

    remote.answer(stream({ bytes: 100_000_000 }))
    const second = app.open('eu/large')
    const answer = await second.answer
    answer.on('error', () => undefined)
    second.outgoing.destroy()
    await until(() => remote.last.aborted, 'the remote notices')
    await assertNothingLeft(app)
  })

  it('in a stream of events, each of which arrives at once', async () => {
    const hand = byHand()
    const remote = await startRemote({ behaviour: hand })
    const app = await startApp({ eu: basic(remote) })
    const raw = await begin(app, GET)
    const { response, request } = await hand.next()
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
      response.write(event)
      await until(() => raw.received.includes(event))
    }
    raw.destroy()
    await until(() => request.aborted, 'the remote notices')
    await assertNothingLeft(app)
  })

  it('and the next caller is served', async () => {
    const remote = await startRemote({ behaviour: silence() })
    const app = await startApp({ eu: basic(remote, { maxConnections: 1 }) })
    for (let n = 1; n <= 5; n++) {
      const raw = await begin(app, GET)
      const request = await remote.received(n)
      raw.destroy()
      await until(() => request.aborted)
    }
    remote.answer(echo())
    assert.equal((await app.call('eu/x')).status, 200)
    await assertNothingLeft(app)
  })

  it('a caller that got everything is none that left', async () => {
    const remote = await startRemote({ behaviour: reply({ body: {} }) })
    const app = await startApp({ eu: basic(remote) })
    for (let n = 0; n < 3; n++) await app.call('eu/x')
    assert.deepEqual([remote.connections, remote.requests.every(({ aborted }) => !aborted)], [1, true])
  })
})
