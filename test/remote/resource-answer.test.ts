import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { reply } from '../helpers/behaviours.ts'
import { request } from '../helpers/http.ts'
import { startRemote } from '../helpers/remote.ts'
import {
  acceptsBasic,
  basic,
  COLLECTION,
  FILTER,
  startCrestServer,
  startGateway,
  startRecording,
} from './resource-parts.ts'

describe('a remote as a resource: what comes from it', () => {
  it('a query equals the HTTP call', async () => {
    const url = await startCrestServer({ accepts: acceptsBasic })
    const { connection } = await startGateway(basic(url))
    for (const userName of ['bo', 'cy']) await connection.create(COLLECTION, userName, { userName, sn: 'x' })
    const authorization = `Basic ${Buffer.from('svc:pä:ss').toString('base64')}`
    const headers = { authorization }
    const overHttp = await request(`${url}managed/user?_queryFilter=true&_fields=userName`, { headers })
    assert.deepEqual(await connection.query(COLLECTION, FILTER, ['userName']), overHttp.json)
    const params = { ...FILTER, _pageSize: 1, _sortKeys: '-userName', _totalPagedResultsPolicy: 'EXACT' }
    const query = '_queryFilter=true&_pageSize=1&_sortKeys=-userName&_totalPagedResultsPolicy=EXACT'
    const page = await connection.query(COLLECTION, params)
    assert.deepEqual(page, (await request(`${url}managed/user?${query}`, { headers })).json)
    assert.equal(page.totalPagedResults, 2)
    const object = await connection.read(`${COLLECTION}/bo`, null, ['userName'])
    assert.deepEqual(object, (await request(`${url}managed/user/bo?_fields=userName`, { headers })).json)
  })

  it('an answer that is no JSON is told by its length and type, not by what is in it', async () => {
    const remote = await startRemote({
      behaviour: reply({ body: '<html>canary', headers: { 'content-type': 'text/x' } }),
    })
    const { connection } = await startGateway(basic(remote.url))
    await assert.rejects(connection.read(`${COLLECTION}/a`), (error: Error) => {
      assert.equal((error.cause as Error).message, 'text/x, 12 characters')
      assert.ok(!error.message.includes('canary'))
      return true
    })
  })

  it('a query whose answer leaves out members', async () => {
    const { connection } = await startRecording({ result: [{ _id: 'a' }, { _rev: 3, x: 1 }], pagedResultsCookie: 5 })
    assert.deepEqual(await connection.query(COLLECTION, FILTER), {
      result: [{ _id: 'a' }, { _id: '', _rev: '3', x: 1 }],
      resultCount: 2,
      pagedResultsCookie: '5',
      totalPagedResultsPolicy: 'NONE',
      totalPagedResults: -1,
      remainingPagedResults: -1,
    })
  })

  it('all pages, of a remote whose cookie is an offset and outlives the last object', async () => {
    const objects = ['a', 'b', 'c', 'd']
    const remote = await startRemote({
      behaviour: (exchange) => {
        const start = Number(new URL(exchange.request.url, 'http://x').searchParams.get('_pagedResultsCookie') ?? 0)
        const result = objects.slice(start, start + 2).map((_id) => ({ _id }))
        const pagedResultsCookie = result.length === 2 ? String(start + 2) : null
        return reply({ body: { result, pagedResultsCookie } })(exchange)
      },
    })
    const { connection } = await startGateway(basic(remote.url))
    const found = await Array.fromAsync(connection.queryAll(COLLECTION, { ...FILTER, _pageSize: 2 }))
    assert.deepEqual(
      found.map(({ _id }) => _id),
      objects,
    )
    assert.equal(remote.requests.length, 3)
  })

  it('the id of a created object from the body, never from Location', async () => {
    const remote = await startRemote({
      behaviour: reply({
        status: 201,
        headers: { location: 'http://x/openidm/wrong' },
        body: { _id: 'right', _rev: '0' },
      }),
    })
    const { connection } = await startGateway(basic(remote.url))
    assert.deepEqual(await connection.create(COLLECTION, null, {}), { _id: 'right', _rev: '0' })
    remote.answer(reply({ status: 201, headers: { location: 'http://x/openidm/managed/user/x' }, body: {} }))
    assert.deepEqual(await connection.create(COLLECTION, 'mine', {}), { _id: 'mine' })
    await assert.rejects(connection.create(COLLECTION, null, {}), {
      code: 502,
      message: 'external/idm/eu/managed/user: the remote created an object and did not say its id',
    })
  })

  it('a resource that does not say its id, or has nothing left', async () => {
    const { remote, connection } = await startRecording({ state: 'ACTIVE_READY' })
    assert.deepEqual(await connection.read('external/idm/eu/info/ping'), { _id: 'ping', state: 'ACTIVE_READY' })
    remote.answer(reply({ status: 204 }))
    assert.deepEqual(await connection.delete(`${COLLECTION}/a%2Fb`, null), { _id: 'a/b' })
    await assert.rejects(connection.update(`${COLLECTION}/bo`, null, {}), { code: 502 })
  })

  for (const answer of [4, 'text', true, null, [1, [2]], { a: 1 }])
    it(`the answer of an action: ${JSON.stringify(answer)}`, async () => {
      const remote = await startRemote({ behaviour: reply({ body: JSON.stringify(answer) }) })
      const { connection } = await startGateway(basic(remote.url))
      assert.deepEqual(await connection.action('external/idm/eu/script', 'eval', { source: 'x' }), answer)
    })

  for (const [what, behaviour] of [
    ['204', reply({ status: 204 })],
    ['200 without a body', reply()],
  ] as const)
    it(`no answer of an action: ${what}`, async () => {
      const remote = await startRemote({ behaviour })
      const { connection } = await startGateway(basic(remote.url))
      assert.equal(await connection.action(COLLECTION, 'x'), undefined)
    })

  it('the list of instances, and the check of one', async () => {
    const { connection } = await startRecording({ result: [] })
    const { result } = await connection.query('external/idm', FILTER, ['state'])
    assert.deepEqual(result, [{ _id: 'eu', state: 'UNTRIED' }])
    const check = (await connection.action('external/idm/eu', 'test')) as JsonObject
    assert.equal(check.ok, true)
  })
})
