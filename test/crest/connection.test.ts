import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { badGateway } from '../../lib/crest/errors.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import { type Connection, connect } from '../../lib/crest/protocol/connection.ts'
import type { ActionRequest, QueryResult, RequestContext } from '../../lib/crest/protocol/request.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'

describe('in-process connection', () => {
  let router: ResourceRouter
  let openidm: Connection

  beforeEach(() => {
    router = new ResourceRouter()
    router.add('managed/user', new MemoryCollection())
    openidm = connect(router, {})
  })

  it('takes the id from the argument, from the object, or from the server', async () => {
    assert.equal((await openidm.create('managed/user', 'a', { _id: 'other' }))._id, 'a')
    assert.equal((await openidm.create('managed/user', null, { _id: 'b' }))._id, 'b')
    assert.match(String((await openidm.create('managed/user', null, {}))._id), /^[\da-f-]{36}$/)
  })

  it('never stores _id and _rev as content', async () => {
    await openidm.create('managed/user', 'a', { _id: 'x', _rev: '7', sn: 'Ortiz' })
    const read = await openidm.read('managed/user/a')
    const updated = await openidm.update('managed/user/a', null, { ...read, sn: 'Roe' })
    assert.deepEqual({ ...updated, _rev: null }, { _id: 'a', _rev: null, sn: 'Roe' })
    assert.notEqual(updated._rev, read?._rev)
  })

  it('hands a handler that asks for it the content as it was given', async () => {
    const seen: Json[] = []
    const see = async ({ content }: { content: JsonObject }) => {
      seen.push(content)
      return { id: 'a', revision: null, content: {} }
    }
    router.add('as/given', { takesIdentity: true, create: see, update: see })
    const object = { _id: 'a', _rev: '7', sn: 'Ortiz' }
    await openidm.create('as/given', null, object)
    await openidm.update('as/given/b', '6', object)
    assert.deepEqual(seen, [object, object])
  })

  it('reads null where there is nothing, be it object or route', async () => {
    assert.equal(await openidm.read('managed/user/none'), null)
    assert.equal(await openidm.read('no/such/route'), null)
  })

  it('rejects other failures of a read', async () => {
    router.add('remote', { read: () => Promise.reject(badGateway('down')) })
    await assert.rejects(openidm.read('remote/x'), { code: 502 })
  })

  it('answers a query with all six members', async () => {
    await openidm.create('managed/user', 'a', { sn: 'Ortiz', mail: 'm' })
    const { result, ...rest } = await openidm.query('managed/user', { _queryFilter: 'sn eq "Ortiz"' }, ['sn'])
    assert.deepEqual(
      result.map(({ _id, _rev, ...fields }) => [_id, typeof _rev, fields]),
      [['a', 'string', { sn: 'Ortiz' }]],
    )
    assert.deepEqual(rest, {
      resultCount: 1,
      pagedResultsCookie: null,
      totalPagedResultsPolicy: 'NONE',
      totalPagedResults: -1,
      remainingPagedResults: -1,
    })
  })

  it('the list of fields goes before _fields', async () => {
    await openidm.create('managed/user', 'a', { sn: 'Ortiz', mail: 'm' })
    assert.equal((await openidm.read('managed/user/a', { _fields: 'mail' }, ['sn']))?.mail, undefined)
    assert.equal((await openidm.read('managed/user/a', { _fields: 'mail' }, []))?.mail, 'm')
  })

  it('hands an action its name, content and parameters', async () => {
    let seen: ActionRequest | undefined
    router.add('endpoint/x', {
      action: async (request): Promise<Json> => {
        seen = request
        return ['done']
      },
    })
    assert.deepEqual(await openidm.action('endpoint/x', 'run', { a: 1 }, { b: 2 }), ['done'])
    assert.deepEqual([seen?.action, seen?.content, seen?.additionalParameters], ['run', { a: 1 }, { b: '2' }])
  })

  it('refuses content that is no object, and patches that are none', async () => {
    await assert.rejects(openidm.create('managed/user', null, []), { code: 400 })
    await assert.rejects(openidm.update('managed/user/a', null, 'x'), { code: 400 })
    await assert.rejects(openidm.patch('managed/user/a', null, {}), { code: 400 })
  })

  it('passes its context on', async () => {
    let seen: RequestContext | undefined
    router.add('who', {
      read: async (_request, context) => {
        seen = context
        return { id: '', revision: null, content: {} }
      },
    })
    const context: RequestContext = { transactionId: 't1', signal: new AbortController().signal }
    await connect(router, context).read('who')
    assert.equal(seen, context)
  })

  it('goes through all pages', async () => {
    for (const id of ['c', 'a', 'b']) await openidm.create('managed/user', id, {})
    const sizes: number[] = []
    for await (const page of openidm.queryPages('managed/user', { _queryFilter: 'true', _pageSize: 2 }))
      sizes.push(page.resultCount)
    assert.deepEqual(sizes, [2, 1])
    const ids: Json[] = []
    for await (const object of openidm.queryAll('managed/user', { _queryFilter: 'true' })) ids.push(object._id ?? null)
    assert.deepEqual(ids, ['a', 'b', 'c'])
  })

  it('goes on by cookie behind an offset', async () => {
    for (const id of ['a', 'b', 'c', 'd']) await openidm.create('managed/user', id, {})
    const params = { _queryFilter: 'true', _pageSize: 2, _pagedResultsOffset: 1 }
    const objects = await Array.fromAsync(openidm.queryAll('managed/user', params))
    assert.deepEqual(
      objects.map(({ _id }) => _id),
      ['b', 'c', 'd'],
    )
  })

  it('asks once for what has no pages', async () => {
    const asked: number[] = []
    router.add('stored', {
      query: async ({ queryId, pageSize }) => {
        asked.push(pageSize)
        const result = [{ id: String(queryId), revision: null, content: {} }]
        return {
          result,
          pagedResultsCookie: null,
          totalPagedResultsPolicy: 'NONE',
          totalPagedResults: -1,
          remainingPagedResults: -1,
        }
      },
    })
    assert.equal((await Array.fromAsync(openidm.queryAll('stored', { _queryId: 'all' }))).length, 1)
    assert.deepEqual(asked, [0])
  })

  for (const [name, cookieAfter] of [
    ['the same page', () => 'again'],
    ['the same objects under new cookies', (count: number) => `page ${count}`],
  ] as const)
    it(`stops when a collection returns ${name} over and over`, async () => {
      let count = 0
      const page = (): QueryResult => ({
        result: [{ id: 'a', revision: null, content: {} }],
        pagedResultsCookie: cookieAfter(count++),
        totalPagedResultsPolicy: 'NONE',
        totalPagedResults: -1,
        remainingPagedResults: -1,
      })
      router.add('loop', { query: async () => page() })
      await assert.rejects(Array.fromAsync(openidm.queryAll('loop', { _queryFilter: 'true' })), { code: 502 })
      assert.ok(count < 10)
    })
})
