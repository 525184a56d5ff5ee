import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { byHand, echo, held, reply, stream } from '../helpers/behaviours.ts'
import { resetBeforeHeaders } from '../helpers/faults.ts'
import { patternSha256 } from '../helpers/pattern.ts'
import { type Remote, startRemote } from '../helpers/remote.ts'
import { DEFAULT_CLIENT, startTokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { basic, startApp } from './app.ts'

const closed = (remote: Remote) => until(() => remote.openConnections === 0, 'all connections to the remote are closed')

describe('R2 a reload cuts nothing, and leaves nothing', () => {
  it('an answer under way is finished with the old settings, and its connection closes then', async () => {
    const BYTES = 30_000_000
    const [old, next] = [await startRemote({ behaviour: stream({ bytes: BYTES }) }), await startRemote()]
    const app = await startApp({ eu: basic(old) })
    const answer = await app.open('eu/large').answer
    await app.configure('eu', basic(next))
    assert.equal((await app.call('eu/x')).status, 200)
    assert.deepEqual([old.requests.length, next.requests.length, old.openConnections], [1, 1, 1])
    const hash = createHash('sha256')
    for await (const chunk of answer) hash.update(chunk as Buffer)
    assert.equal(hash.digest('hex'), patternSha256(BYTES))
    await closed(old)
  })

  it('a request that has not been answered yet, and one in the queue behind it', async () => {
    const hold = held()
    const [old, next] = [await startRemote({ behaviour: hold }), await startRemote()]
    const app = await startApp({ eu: basic(old, { maxConnections: 1 }) })
    const calls = [app.call('eu/first'), app.call('eu/second', { method: 'POST', json: { a: 1 } })]
    await old.received(1)
    await app.configure('eu', basic(next, { maxConnections: 1 }))
    await app.call('eu/third')
    hold.release()
    assert.deepEqual(
      (await Promise.all(calls)).map(({ status }) => status),
      [200, 200],
    )
    assert.deepEqual([old.requests.length, next.requests.length], [2, 1])
    await closed(old)
  })

  it('connections at rest close with the reload, not when they are tired', async () => {
    const [old, next] = [await startRemote(), await startRemote()]
    const app = await startApp({ eu: basic(old) })
    await Promise.all([1, 2, 3].map(() => app.call('eu/x')))
    assert.ok(old.openConnections > 0)
    await app.configure('eu', basic(next))
    await closed(old)
  })

  it('close() waits for an answer under way, and then nothing is open', async () => {
    const hand = byHand()
    const remote = await startRemote({ behaviour: hand })
    const app = await startApp({ eu: basic(remote) })
    const call = app.call('eu/x')
    const { response } = await hand.next()
    response.writeHead(200).write('a')
    let over = false
    const closing = app.idm.close().then(() => {
      over = true
    })
    assert.equal((await app.call('eu/y')).status, 503)
    assert.equal(over, false)
    response.end('b')
    assert.equal((await call).text, 'ab')
    await closing
    await closed(remote)
  })

  it('a token survives a change that does not concern it, and no other', async () => {
    const tokens = await startTokenServer()
    const remote = await startRemote()
    const bearer = (more: object = {}) => ({
      authType: 'bearer',
      instanceUrl: remote.url,
      clientId: DEFAULT_CLIENT.id,
      clientSecret: DEFAULT_CLIENT.secret,
      tokenEndpoint: tokens.tokenEndpoint,
      tokenEndpointAuthMethod: 'client_secret_post',
      ...more,
    })
    const app = await startApp({ eu: bearer() })
    const asked: number[] = []
    for (const more of [{}, { maxConnections: 3 }, { socketTimeout: '5s' }, { scope: ['fr:idm:*'] }, {}]) {
      if (asked.length > 0) await app.configure('eu', bearer(more))
      assert.equal((await app.call('eu/x')).status, 200)
      asked.push(tokens.requests.length)
    }
    assert.deepEqual(asked, [1, 1, 1, 2, 3])
  })
})

describe('R3 connections belong to one instance', () => {
  it('no more than maxConnections, and they are kept', async () => {
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote, { maxConnections: 2 }) })
    for (let round = 0; round < 2; round++) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => app.call('eu/x')))
      assert.ok(answers.every(({ status }) => status === 200))
    }
    assert.equal(remote.connections, 2)
  })

  it('two instances of one remote share none, and each closes its own', async () => {
    const remote = await startRemote({ behaviour: echo() })
    const app = await startApp({ eu: basic(remote), us: basic(remote, { userName: 'other' }) })
    for (const name of ['eu', 'us', 'eu', 'us']) await app.call(`${name}/x`)
    assert.deepEqual(
      remote.requests.map(({ socket }) => socket),
      [1, 2, 1, 2],
    )
    await app.configure('eu')
    await until(() => remote.openConnections === 1, 'the connection of eu is closed')
    await app.call('us/x')
    assert.equal(remote.last.socket, 2)
    await app.idm.close()
    await closed(remote)
  })

  it('reuseConnections false: a connection for each request', async () => {
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote, { reuseConnections: false }) })
    for (let n = 0; n < 3; n++) await app.call('eu/x')
    assert.equal(remote.connections, 3)
    await closed(remote)
  })

  it('connectionTimeToLive: a kept connection is renewed, also under steady traffic', async () => {
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote, { connectionTimeToLive: '100 ms' }) })
    await app.call('eu/x')
    await until(async () => (await app.call('eu/x')).status === 200 && remote.connections > 1, 'a second connection')
  })

  it('kept connections that turn out to be dead cost a GET one attempt, however many there are', async () => {
    const gate = held()
    const remote = await startRemote({ behaviour: gate })
    const app = await startApp({ eu: basic(remote) })
    const calls = Array.from({ length: 5 }, () => app.call('eu/x'))
    await remote.received(5)
    gate.release()
    await Promise.all(calls)
    const dead = (exchange: Parameters<typeof gate>[0]) =>
      (exchange.request.socket <= 5 ? resetBeforeHeaders() : reply())(exchange)
    remote.answer(dead)
    assert.equal((await app.call('eu/get')).status, 200)
    assert.deepEqual(
      remote.requests.slice(5).map(({ url, socket }) => [url, socket > 5]),
      [
        ['/openidm/get', false],
        ['/openidm/get', true],
      ],
    )
  })

  it('a POST on a kept connection that turns out to be dead is not sent again', async () => {
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote) })
    await app.call('eu/x')
    remote.answer(resetBeforeHeaders())
    assert.equal((await app.call('eu/x', { method: 'POST', json: {} })).status, 502)
    assert.equal(remote.requests.length, 2)
  })
})
