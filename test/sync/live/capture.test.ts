import assert from 'node:assert/strict'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { type Behaviour, byHand, type Exchange, reply } from '../../helpers/behaviours.ts'
import { resetBeforeHeaders, resetMidBody, silence } from '../../helpers/faults.ts'
import type { CallOptions } from '../../helpers/http.ts'
import { startRemote } from '../../helpers/remote.ts'
import { until } from '../../helpers/until.ts'
import { CAPTURING, type CaptureStage, type StageOptions, startCapture } from './capture-stage.ts'

const USERS = 'eu/managed/user'
const REFUSAL = { code: 409, reason: 'Conflict', message: 'no' }

async function stageWith(behaviour: Behaviour, options: StageOptions = {}) {
  const remote = await startRemote({ behaviour })
  return { remote, stage: await startCapture(remote, options) }
}

const put: CallOptions = { method: 'PUT', json: { sn: 'x' } }
const create: CallOptions = { method: 'POST', json: { sn: 'x' } }

/** What a request leads to: a path, its options, the answer of the remote, and the events and mappings to sweep then. */
type Row = readonly [
  title: string,
  path: string,
  call: CallOptions,
  answer: Behaviour,
  events: string[],
  sweeps?: string[],
]

const created = (headers = {}, body: unknown = { _id: 'n1', _rev: '1', sn: 'x' }) =>
  reply({ status: 201, headers, body })
const gzipped = gzipSync('{"_id":"n1"}')
const json = { 'content-type': 'application/json' }

const ROWS: readonly Row[] = [
  ['PUT', `${USERS}/u1`, put, reply({ body: { _id: 'u1' } }), ['m update u1']],
  ['PUT that creates', `${USERS}/u1`, put, created({}, { _id: 'u1' }), ['m update u1']],
  [
    'PUT that creates what its body names',
    `${USERS}/u1`,
    put,
    created({}, { _id: 'u2' }),
    ['m update u1', 'm update u2'],
  ],
  ['PATCH', `${USERS}/u1`, { method: 'PATCH', json: [] }, reply({ body: { _id: 'u1' } }), ['m update u1']],
  ['DELETE', `${USERS}/u%201`, { method: 'DELETE' }, reply({ status: 204 }), ['m delete u 1']],
  ['create', `${USERS}?_action=create`, create, created(), ['m create n1']],
  ['POST to the collection', USERS, create, created(), ['m create n1']],
  ['create, whatever Location says', USERS, create, created({ location: '/openidm/wrong' }), ['m create n1']],
  ['create, in gzip', USERS, create, created({ ...json, 'content-encoding': 'gzip' }, gzipped), ['m create n1']],
  [
    ...(['create, in brotli', USERS, create] as const),
    created({ ...json, 'content-encoding': 'br' }, brotliCompressSync('{"_id":"n1"}')),
    ['m create n1'],
  ],
  ['create, the id being a number', USERS, create, created({}, '{"_id":12}'), ['m create 12']],
  ['create, without an id in the answer', USERS, create, created({}, { sn: 'x' }), [], ['m']],
  ['create, with half an answer', USERS, create, created({}, '{"_id":"n1"'), [], ['m']],
  ['create, in a coding that nobody knows', USERS, create, created({ 'content-encoding': 'lzma' }, gzipped), [], ['m']],
  ['create, in broken gzip', USERS, create, created({ 'content-encoding': 'gzip' }, '{"_id":"n1"}'), [], ['m']],
  ['create, with an endless answer', USERS, create, created({}, { pad: 'x'.repeat(2_000_000), _id: 'n1' }), [], ['m']],
  [
    ...(['create, with a bomb of gzip', USERS, create] as const),
    created({ 'content-encoding': 'gzip' }, gzipSync(`{"pad":"${'x'.repeat(2_000_000)}","_id":"n1"}`)),
    [],
    ['m'],
  ],
  ['action patch with an id', `${USERS}/u1?_action=patch`, create, reply({ body: {} }), ['m update u1']],
  [
    ...(['action patch by query', `${USERS}?_action=patch&_queryId=for-userName&uid=x`, create] as const),
    reply({ body: { _id: 'u7', _rev: '2' } }),
    ['m update u7'],
  ],
  ['a relationship', `${USERS}/u1/roles?_action=create`, create, created({}, { _id: 'edge' }), ['m update u1']],
  ['an edge', `${USERS}/u1/roles/e1`, { method: 'DELETE' }, reply({ body: { _id: 'e1' } }), ['m update u1']],
  ['an action that is not known', `${USERS}?_action=merge`, create, reply({ body: {} }), [], ['m']],
  ['an action on one object', `${USERS}/u1?_action=merge`, create, reply({ body: {} }), [], ['m']],
  ['a refused PUT', `${USERS}/u1`, put, reply({ status: 409, body: REFUSAL }), []],
  ['refused credentials', `${USERS}/u1`, put, reply({ status: 401, body: REFUSAL }), []],
  ['a refused create', USERS, create, reply({ status: 403, body: REFUSAL }), []],
  ['a refused action', `${USERS}?_action=merge`, create, reply({ status: 400, body: REFUSAL }), []],
  ['a failed PUT', `${USERS}/u1`, put, reply({ status: 500 }), ['m update u1']],
  ['a failed DELETE', `${USERS}/u1`, { method: 'DELETE' }, reply({ status: 503 }), ['m delete u1']],
  ['a failed create', USERS, create, reply({ status: 500 }), [], ['m']],
  ['a redirect', `${USERS}/u1`, put, reply({ status: 302, headers: { location: '/x' } }), ['m update u1']],
  ['a connection that breaks', `${USERS}/u1`, put, resetBeforeHeaders(), ['m update u1']],
  ['a connection that breaks within the answer', `${USERS}/u1`, put, resetMidBody(), ['m update u1']],
  ['a create whose answer breaks', USERS, create, resetMidBody(), [], ['m']],
  ['another collection', 'eu/managed/role/r1', put, reply({ body: {} }), []],
  ['another instance', 'us/managed/user/u1', put, reply({ body: {} }), []],
  ['a query', `${USERS}?_queryFilter=true`, {}, reply({ body: { result: [] } }), []],
]

const verdict = ({ events, sweeps }: CaptureStage) => ({ events, sweeps })

describe('a request through the proxy to a captured collection', () => {
  for (const [title, path, call, answer, events, sweeps = []] of ROWS)
    it(title, async () => {
      const { stage } = await stageWith(answer)
      await stage.call(path, call).catch(() => undefined)
      await stage.settled()
      assert.deepEqual(verdict(stage), { events, sweeps })
    })

  it('passes the answer of a create on as it is', async () => {
    const { stage } = await stageWith(
      created({ ...json, 'content-encoding': 'gzip', location: '/openidm/wrong' }, gzipped),
    )
    const answer = await stage.call(USERS, create)
    assert.deepEqual([answer.status, answer.headers['content-encoding']], [201, 'gzip'])
    assert.ok(answer.body.equals(gzipped))
  })

  it('is noted on the disk before it is sent', async () => {
    const hand = byHand()
    const { stage } = await stageWith(hand)
    const call = stage.call(`${USERS}/u1`, put)
    const exchange = await hand.next()
    assert.deepEqual([stage.intents, stage.events], [1, []])
    await reply({ status: 412, body: REFUSAL })(exchange)
    assert.equal((await call).status, 412)
    await stage.settled()
    assert.deepEqual(stage.events, [])
  })

  it('whose caller leaves becomes an event', async () => {
    const hand = byHand()
    const { stage } = await stageWith(hand)
    const { outgoing, answer } = stage.open(`${USERS}/u1`, put)
    await hand.next()
    outgoing.destroy()
    await answer.catch(() => undefined)
    await stage.settled()
    assert.deepEqual(stage.events, ['m update u1'])
  })

  it('that is never answered becomes an event', async () => {
    const { stage } = await stageWith(silence(), { properties: { socketTimeout: '100 ms' } })
    assert.equal((await stage.call(`${USERS}/u1`, put)).status, 504)
    await stage.settled()
    assert.deepEqual(stage.events, ['m update u1'])
  })

  it('becomes none when the remote cannot be reached', async () => {
    const remote = await startRemote()
    const stage = await startCapture(remote)
    await remote.close()
    assert.equal((await stage.call(`${USERS}/u1`, put)).status, 502)
    await stage.settled()
    assert.deepEqual(verdict(stage), { events: [], sweeps: [] })
  })

  it('is refused with 503 and not sent while the database is locked', async () => {
    const { remote, stage } = await stageWith(reply({ body: {} }))
    const unlock = stage.lock()
    const answer = await stage.call(`${USERS}/u1`, put)
    const { message } = answer.json as { message: string }
    assert.equal(answer.status, 503)
    assert.equal(answer.headers['retry-after'], '1')
    assert.match(message, /^The request was not sent: .* mapping m \(captureChanges\): The database is locked/)
    assert.equal((await stage.call('eu/managed/role/r1', put)).status, 200)
    assert.equal((await stage.call(`${USERS}/u1`)).status, 200)
    unlock()
    assert.deepEqual(
      remote.requests.map(({ method }) => method),
      ['PUT', 'GET'],
    )
    assert.equal((await stage.call(`${USERS}/u1`, put)).status, 200)
    await stage.settled()
    assert.deepEqual(stage.events, ['m update u1'])
  })

  it('is stored in the end when the database is locked after the answer', async () => {
    const hand = byHand()
    const { stage } = await stageWith(hand)
    const call = stage.call(`${USERS}/u1`, put)
    const exchange = await hand.next()
    const unlock = stage.lock()
    await reply({ body: {} })(exchange)
    assert.equal((await call).status, 200)
    await until(() => stage.log.messages('error').length > 0, 'it was tried')
    assert.equal(stage.intents, 1)
    unlock()
    await stage.settled()
    assert.deepEqual(stage.events, ['m update u1'])
  })

  it('asks no database where nothing is captured', async () => {
    const { stage } = await stageWith(reply({ body: {} }))
    const paths = ['eu/managed/role/r1', 'us/managed/user/u1', 'eu/script?_action=eval', 'eu/managed/usersomething/u1']
    for (const path of paths) await stage.call(path, { method: 'POST', json: {} })
    for (const method of ['GET', 'HEAD', 'OPTIONS']) await stage.call(`${USERS}/u1`, { method })
    await stage
      .connection()
      .query('external/idm/eu/managed/role', { _queryFilter: 'true' })
      .catch(() => undefined)
    await stage.connection().read('external/idm/eu/managed/user/u1')
    assert.equal(stage.storeCalls, 0)
  })

  it('counts for each mapping that captures its collection', async () => {
    const mappings = [
      CAPTURING,
      { ...CAPTURING, name: 'two', source: 'external/idm/us/managed/user' },
      { ...CAPTURING, name: 'three', target: 'managed/other' },
      { ...CAPTURING, name: 'silent', enableSync: false },
      { ...CAPTURING, name: 'idle', captureChanges: false },
      { ...CAPTURING, name: 'approved', requireApproval: true },
      { ...CAPTURING, name: 'held' },
      { ...CAPTURING, name: 'local', source: 'managed/user' },
    ]
    const isHeld = (name: string) => name === 'held'
    const { stage } = await stageWith(reply({ body: {} }), { mappings, isHeld })
    await stage.call(`${USERS}/u1`, put)
    await stage.settled()
    assert.deepEqual(stage.events, ['m update u1', 'three update u1'])
  })

  it('keeps its order: what is stored later comes later', async () => {
    const { stage } = await stageWith(reply({ body: {} }))
    await stage.call(`${USERS}/u1`, { method: 'DELETE' })
    await stage.call(`${USERS}/u1`, put)
    await stage.settled()
    assert.deepEqual(stage.events, ['m delete u1', 'm update u1'])
  })
})

describe('a call from inside to a captured collection', () => {
  const path = 'external/idm/eu/managed/user'
  const context = { syncChain: ['other/x'], transactionId: 't1' }

  it('is captured with the chain that led to it', async () => {
    const answers: Record<string, unknown> = {
      PUT: { _id: 'u1' },
      POST: { _id: 'n1' },
      PATCH: { _id: 'u2' },
      DELETE: { _id: 'u3' },
    }
    const { stage } = await stageWith((exchange: Exchange) =>
      reply({ body: exchange.request.url.includes('_queryId') ? { _id: 'q1' } : answers[exchange.request.method] })(
        exchange,
      ),
    )
    const connection = stage.connection(context)
    await connection.update(`${path}/u1`, null, { sn: 'x' })
    await connection.create(path, null, { sn: 'x' })
    await connection.create(path, 'u 4', { sn: 'x' })
    await connection.patch(`${path}/u2`, null, [{ operation: 'replace', field: 'sn', value: 'y' }])
    await connection.delete(`${path}/u3`, null)
    await connection.action(`${path}/u5`, 'patch', [])
    await connection.action(path, 'patch', [], { _queryId: 'for-userName' })
    await connection.action(path, 'merge', {})
    await stage.settled()
    const events = ['update u1', 'create n1', 'update u 4', 'update u2', 'delete u3', 'update u5', 'update q1']
    assert.deepEqual(
      stage.events,
      events.map((event) => `m ${event}`),
    )
    assert.deepEqual(stage.sweeps, ['m'])
    assert.deepEqual(new Set(stage.chains.map(String)), new Set(['other/x']))
  })

  it('becomes an event when its outcome is not known, and none when it is refused', async () => {
    const { remote, stage } = await stageWith(resetBeforeHeaders())
    await assert.rejects(stage.connection().update(`${path}/u1`, null, {}))
    remote.answer(reply({ status: 500 }))
    await assert.rejects(stage.connection().delete(`${path}/u2`, null))
    remote.answer(reply({ status: 404, body: { code: 404, reason: 'Not Found', message: 'no' } }))
    await assert.rejects(stage.connection().delete(`${path}/u3`, null))
    await remote.close()
    await assert.rejects(stage.connection().update(`${path}/u4`, null, {}))
    await stage.settled()
    assert.deepEqual(stage.events, ['m update u1', 'm delete u2'])
  })

  it('becomes an event when the caller leaves', async () => {
    const hand = byHand()
    const { stage } = await stageWith(hand)
    const leaving = new AbortController()
    const call = stage.connection({ signal: leaving.signal }).update(`${path}/u1`, null, {})
    await hand.next()
    leaving.abort(new Error('left'))
    await assert.rejects(call)
    await stage.settled()
    assert.deepEqual(stage.events, ['m update u1'])
  })

  it('is refused with 503 and not sent while the database is locked', async () => {
    const { remote, stage } = await stageWith(reply({ body: {} }))
    const unlock = stage.lock()
    await assert.rejects(stage.connection().update(`${path}/u1`, null, {}), { code: 503 })
    unlock()
    assert.equal(remote.requests.length, 0)
  })
})
