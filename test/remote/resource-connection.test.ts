import assert from 'node:assert/strict'
import { connect as openConnection } from '../../lib/crest/protocol/connection.ts'
import { byHand, echo, held, inTurn, reply } from '../helpers/behaviours.ts'
import { resetBeforeHeaders, resetMidBody, silence } from '../helpers/faults.ts'
import { startRemote } from '../helpers/remote.ts'
import { DEFAULT_CLIENT, startTokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { startBlackHole, startMute } from '../security/black-hole.ts'
import { basic, COLLECTION, FILTER, type Gateway, startGateway } from './resource-parts.ts'

const NAME = `${COLLECTION}/bo`
const SHORT = { socketTimeout: '100ms' }
const page = reply({ body: { result: [] } })

async function behind(behaviour = page, more: object = {}) {
  const remote = await startRemote({ behaviour })
  const gateway = await startGateway(basic(remote.url, more))
  return { remote, ...gateway, inFlight: () => gateway.registry.get('eu')?.inFlight }
}

const failing = ({ registry }: Gateway) => registry.status('eu')?.state === 'FAILING'

describe('a remote as a resource: deadlines', () => {
  const deadlines: [what: string, behaviour: typeof page, code: number, message: RegExp][] = [
    ['it never answers', silence(), 504, /did not begin to answer in time/],
    ['it stops in the middle', ({ response }) => void response.writeHead(200).write('{"re'), 504, /stopped sending/],
    ['it breaks off in the middle', resetMidBody(), 502, /closed the connection/],
    ['it breaks off before the answer', resetBeforeHeaders(), 502, /closed the connection/],
  ]
  for (const [what, behaviour, code, message] of deadlines)
    it(what, async () => {
      const gateway = await behind(behaviour, SHORT)
      await assert.rejects(gateway.connection.query(COLLECTION, FILTER), { code, message })
      assert.ok(failing(gateway))
      assert.equal(gateway.inFlight(), 0)
      gateway.remote.answer(page)
      await gateway.connection.query(COLLECTION, FILTER)
      assert.ok(!failing(gateway))
    })

  const holes: [what: string, start: () => Promise<string>][] = [
    ['takes no connection', async () => `http://127.0.0.1:${await startBlackHole()}/`],
    ['does not shake hands', async () => `https://idm.example.com:${(await startMute()).port}/`],
  ]
  for (const [what, start] of holes)
    it(`it ${what}`, async () => {
      const { connection } = await startGateway(basic(await start(), { connectionTimeout: '100ms' }))
      const error = { code: 504, message: 'Remote instance "eu": connecting to it took too long' }
      await assert.rejects(connection.query(COLLECTION, FILTER), error)
    })

  it('all connections are busy: 503, and the next in the queue is served', async () => {
    const hold = held(page)
    const { remote, connection } = await behind(hold, { maxConnections: 2, connectionTimeout: '300ms' })
    const first = [1, 2].map(() => connection.query(COLLECTION, FILTER))
    await remote.received(2)
    await assert.rejects(connection.query(COLLECTION, FILTER), { code: 503, message: /connections are busy/ })
    const queued = connection.query(COLLECTION, FILTER)
    hold.release()
    await Promise.all([...first, queued])
    assert.equal(remote.connections, 2)
  })

  it('no more connections than maxConnections, and they are kept', async () => {
    const { remote, connection } = await behind(page, { maxConnections: 3 })
    await Promise.all(Array.from({ length: 12 }, () => connection.query(COLLECTION, FILTER)))
    assert.deepEqual([remote.requests.length, remote.connections], [12, 3])
  })

  it('reuseConnections false: a connection for each request', async () => {
    const { remote, connection } = await behind(page, { reuseConnections: false })
    for (let n = 0; n < 3; n++) await connection.query(COLLECTION, FILTER)
    assert.equal(remote.connections, 3)
    await until(() => remote.openConnections === 0, 'all connections are closed')
  })

  it('a GET that met a dead connection goes out once more; nothing else does', async () => {
    const { remote, connection } = await behind()
    const counts: number[] = []
    const ask = async (work: () => Promise<unknown>, failures: number) => {
      const before = remote.requests.length
      remote.answer(inTurn(...(Array(failures).fill(resetBeforeHeaders()) as [typeof page]), page))
      await work().catch((error: { code: number }) => assert.equal(error.code, 502))
      counts.push(remote.requests.length - before)
    }
    await ask(() => connection.query(COLLECTION, FILTER), 1)
    await ask(() => connection.query(COLLECTION, FILTER), 5)
    await ask(() => connection.action(COLLECTION, 'x'), 1)
    await ask(() => connection.update(NAME, null, {}), 1)
    await ask(() => connection.patch(NAME, null, []), 1)
    await ask(() => connection.delete(NAME, null), 1)
    assert.deepEqual(counts, [2, 2, 1, 1, 1, 1])
  })

  it('nothing is sent twice with retryRequests false', async () => {
    const { remote, connection } = await behind(resetBeforeHeaders(), { retryRequests: false })
    await assert.rejects(connection.query(COLLECTION, FILTER), { code: 502 })
    assert.equal(remote.requests.length, 1)
  })
})

describe('a remote as a resource: cancellation', () => {
  async function cancelled(behaviour: typeof page, more: object = {}) {
    const gateway = await behind(behaviour, more)
    const caller = new AbortController()
    return { ...gateway, caller, openidm: openConnection(gateway.router, { signal: caller.signal }) }
  }
  const rejectsAborted = (work: Promise<unknown>) =>
    assert.rejects(work, ({ cause }: Error) => cause instanceof Error && cause.name === 'AbortError')

  it('before it began', async () => {
    const { caller, openidm, remote } = await cancelled(page)
    caller.abort()
    await rejectsAborted(openidm.query(COLLECTION, FILTER))
    assert.equal(remote.requests.length, 0)
  })

  it('while it waits in the queue', async () => {
    const hold = held(page)
    const { caller, openidm, remote, connection } = await cancelled(hold, { maxConnections: 1 })
    const first = connection.query(COLLECTION, FILTER)
    await remote.received(1)
    const second = openidm.query(COLLECTION, FILTER)
    caller.abort()
    await rejectsAborted(second)
    hold.release()
    await first
    await connection.query(COLLECTION, FILTER)
    assert.equal(remote.requests.length, 2)
  })

  const stages: [stage: string, behaviour: typeof page][] = [
    ['before the answer', silence()],
    ['in the middle of the answer', ({ response }) => void response.writeHead(200).write('{')],
  ]
  for (const [stage, behaviour] of stages)
    it(stage, async () => {
      const { caller, openidm, remote, inFlight, ...gateway } = await cancelled(behaviour)
      const query = openidm.query(COLLECTION, FILTER)
      const request = await remote.received(1)
      caller.abort()
      await rejectsAborted(query)
      await until(() => request.aborted, 'the remote notices')
      assert.equal(inFlight(), 0)
      assert.ok(!failing(gateway), 'a caller that leaves is no failure of the remote')
    })

  it('while a large body goes out', async () => {
    const hand = byHand()
    const { caller, openidm } = await cancelled(hand)
    const update = openidm.update(NAME, null, { text: 'x'.repeat(20_000_000) })
    const { incoming, request } = await hand.next()
    incoming.pause()
    caller.abort()
    await rejectsAborted(update)
    incoming.resume()
    await until(() => request.aborted, 'the remote notices')
    assert.ok(!request.complete)
  })

  it('of the iterator over all pages', async () => {
    const { caller, openidm, remote } = await cancelled(
      reply({ body: { result: [{ _id: 'a' }], pagedResultsCookie: 'c' } }),
    )
    const pages = openidm.queryPages(COLLECTION, FILTER)
    assert.equal((await pages.next()).done, false)
    caller.abort()
    await rejectsAborted(pages.next())
    assert.equal(remote.requests.length, 1)
  })
})

describe('a remote as a resource: a change of configuration', () => {
  it('requests in flight finish with the old settings, and their connections close', async () => {
    const remotes = await Promise.all([startRemote({ behaviour: held(page) }), startRemote({ behaviour: page })])
    const [old, next] = remotes
    const hold = held(page)
    old.answer(hold)
    const { connection, configure } = await startGateway(basic(old.url))
    const inFlight = connection.query(COLLECTION, FILTER)
    await old.received(1)
    await configure(basic(next.url))
    await connection.query(COLLECTION, FILTER)
    hold.release()
    await inFlight
    await until(() => old.openConnections === 0, 'the old connections are closed')
    assert.deepEqual([old.requests.length, next.requests.length], [1, 1])
  })

  it('a request that waits for its token finishes, too; a caller that does not want to wait leaves', async () => {
    const tokens = await startTokenServer()
    const remote = await startRemote({ behaviour: echo() })
    const hold = held(tokens.honest)
    tokens.answer(hold)
    const properties = {
      authType: 'bearer',
      instanceUrl: remote.url,
      clientId: DEFAULT_CLIENT.id,
      clientSecret: DEFAULT_CLIENT.secret,
      tokenEndpoint: tokens.tokenEndpoint,
      tokenEndpointAuthMethod: 'client_secret_post',
    }
    const { connection, configure, router } = await startGateway(properties)
    const waiting = connection.read(NAME)
    const caller = new AbortController()
    const leaving = openConnection(router, { signal: caller.signal }).read(NAME)
    await until(() => hold.waiting === 1, 'the token endpoint is asked')
    caller.abort()
    await assert.rejects(leaving)
    await configure()
    hold.release()
    assert.ok(await waiting)
    await until(() => remote.openConnections === 0, 'the connection is closed')
  })

  it('a token that the remote refuses is replaced once', async () => {
    const tokens = await startTokenServer()
    const remote = await startRemote()
    remote.answer(async (exchange) => {
      const good = tokens.accepts(exchange.request.headers.authorization)
      await reply({ status: good ? 200 : 401, body: { _id: 'bo' } })(exchange)
    })
    const { connection } = await startGateway({
      authType: 'bearer',
      instanceUrl: remote.url,
      clientId: DEFAULT_CLIENT.id,
      clientSecret: DEFAULT_CLIENT.secret,
      tokenEndpoint: tokens.tokenEndpoint,
      tokenEndpointAuthMethod: 'client_secret_post',
    })
    await connection.update(NAME, null, {})
    tokens.store.revoke()
    await connection.update(NAME, null, {})
    assert.equal(tokens.requests.length, 2)
    remote.answer(reply({ status: 401 }))
    await assert.rejects(connection.update(NAME, null, {}), { code: 401, message: /static user mapping/ })
    assert.equal(tokens.requests.length, 3)
  })
})
