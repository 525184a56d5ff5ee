import assert from 'node:assert/strict'
import type { Server } from 'node:http'
import supertest from 'supertest'
import { conflict, unauthorized } from '../../lib/crest/errors.ts'
import { crestHttp } from '../../lib/crest/http/http.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import { connect } from '../../lib/crest/protocol/connection.ts'
import type { ActionRequest, RequestContext } from '../../lib/crest/protocol/request.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'
import { hosts, listen } from './http-hosts.ts'

const USER = '/openidm/managed/user'
const JSON_TYPE = 'application/json;charset=utf-8'

for (const [name, host] of hosts)
  describe(`CREST over HTTP under ${name}`, () => {
    let router: ResourceRouter
    let server: Server

    beforeEach(async () => {
      router = new ResourceRouter()
      router.add('managed/user', new MemoryCollection())
      server = (await listen(host(crestHttp({ router, contextOf: () => ({}) })))).server
    })

    const call = () => supertest(server)
    const put = (id: string, body: object) => call().put(`${USER}/${id}`).send(body)

    it('creates by POST: 201, Location, ETag, and the object', async () => {
      const response = await call().post(`${USER}?_action=create`).send({ sn: 'Ortiz' }).expect(201)
      const { _id, _rev, sn } = response.body
      assert.equal(sn, 'Ortiz')
      assert.equal(response.headers.location, `http://${new URL(response.request.url).host}${USER}/${_id}`)
      assert.equal(response.headers.etag, `"${_rev}"`)
      assert.equal(response.headers['content-type'], JSON_TYPE)
      assert.equal(response.headers['cache-control'], 'no-cache')
      await supertest('').get(String(response.headers.location)).expect(200, response.body)
    })

    it('creates by POST without _action, with an id from parameter or object', async () => {
      assert.equal((await call().post(`${USER}/`).send({ _id: 'a' }).expect(201)).body._id, 'a')
      const response = await call().post(`${USER}?_action=CREATE&_id=b%2Fc`).send({}).expect(201)
      assert.equal(response.body._id, 'b/c')
      assert.match(String(response.headers.location), /\/openidm\/managed\/user\/b%2Fc$/)
    })

    it('creates by PUT with If-None-Match: *, and only once', async () => {
      const response = await put('a%2Fb', { sn: 'x' }).set('If-None-Match', '*').expect(201)
      assert.equal(response.body._id, 'a/b')
      assert.match(String(response.headers.location), /\/openidm\/managed\/user\/a%2Fb$/)
      await put('a%2Fb', {}).set('If-None-Match', '*').expect(412)
    })

    it('PUT without condition creates, then updates', async () => {
      const created = await put('a', { sn: 'x' }).expect(201)
      const updated = await put('a', { mail: 'm', _rev: 'old', _id: 'other' }).expect(200)
      assert.deepEqual({ ...updated.body, _rev: '' }, { _id: 'a', _rev: '', mail: 'm' })
      assert.notEqual(updated.body._rev, created.body._rev)
      assert.equal(updated.headers.location, undefined)
    })

    it('PUT without condition updates where nothing can be created', async () => {
      router.add('single', { update: async ({ content }) => ({ id: '', revision: '1', content }) })
      await call().put('/openidm/single').send({ x: 1 }).expect(200, { _id: '', _rev: '1', x: 1 })
      await call().put('/openidm/single').set('If-None-Match', '*').send({ x: 1 }).expect(404)
    })

    it('PUT with If-Match updates at this revision, quoted or bare', async () => {
      const { _rev } = (await put('a', {})).body
      const next = (await put('a', { x: 1 }).set('If-Match', `"${_rev}"`).expect(200)).body._rev
      await put('a', { x: 2 }).set('If-Match', _rev).expect(412)
      await put('a', { x: 2 }).set('If-Match', next).expect(200)
      await put('a', { x: 3 }).set('If-Match', '*').expect(200)
      await put('none', {}).set('If-Match', '*').expect(404)
    })

    it('reads, and answers 304 to the revision it has', async () => {
      const { _rev } = (await put('a', { sn: 'x', mail: 'm' })).body
      await call().get(`${USER}/a?_fields=sn`).expect(200, { _id: 'a', _rev, sn: 'x' })
      const response = await call().get(`${USER}/a`).set('If-None-Match', `"${_rev}"`).expect(304, '')
      assert.equal(response.headers.etag, `"${_rev}"`)
      await call().get(`${USER}/a`).set('If-None-Match', '"other"').expect(200)
    })

    it('patches and deletes at a revision', async () => {
      const { _rev } = (await put('a', { sn: 'x' })).body
      const patch = [{ operation: 'replace', field: '/sn', value: 'y' }]
      const patched = await call().patch(`${USER}/a`).set('If-Match', _rev).send(patch).expect(200)
      assert.equal(patched.body.sn, 'y')
      await call().patch(`${USER}/a`).set('If-Match', _rev).send(patch).expect(412)
      await call().delete(`${USER}/a`).set('If-Match', _rev).expect(412)
      await call().delete(`${USER}/a`).set('If-Match', '*').expect(200, patched.body)
      await call().get(`${USER}/a`).expect(404)
    })

    it('queries with + and %20 as spaces', async () => {
      await put('a', { city: 'New York', n: 1 })
      await put('b', { city: 'Bonn', n: 2 })
      const query = '_queryFilter=/city+eq%20%22New+York%22&_fields=n&_pageSize=1&_totalPagedResultsPolicy=EXACT'
      const { body } = await call().get(`${USER}?${query}`).expect(200)
      assert.deepEqual(body, {
        result: [{ _id: 'a', _rev: body.result[0]._rev, n: 1 }],
        resultCount: 1,
        pagedResultsCookie: null,
        totalPagedResultsPolicy: 'EXACT',
        totalPagedResults: 1,
        remainingPagedResults: -1,
      })
      await call().get(`${USER}/?_queryFilter=true`).expect(200)
    })

    it('pages with the cookie as it was given', async () => {
      for (const id of ['a?>', 'b', 'c']) await put(encodeURIComponent(id), {})
      const first = await call().get(`${USER}?_queryFilter=true&_pageSize=1`)
      const second = await call().get(
        `${USER}?_queryFilter=true&_pageSize=1&_pagedResultsCookie=${first.body.pagedResultsCookie}`,
      )
      assert.deepEqual([first.body.result[0]._id, second.body.result[0]._id], ['a?>', 'b'])
    })

    it('acts: 200 with the answer, 204 without one', async () => {
      const seen: ActionRequest[] = []
      router.add('endpoint/e', {
        action: async (request) => {
          seen.push(request)
          return request.action === 'quiet' ? undefined : { done: true }
        },
      })
      await call().post('/openidm/endpoint/e/x?_action=run&p=1').send([1]).expect(200, { done: true })
      await call().post('/openidm/endpoint/e?_action=quiet').expect(204, '')
      const facts = seen.map(({ resourcePath, action, content, additionalParameters }) => [
        resourcePath,
        action,
        content,
        additionalParameters,
      ])
      assert.deepEqual(facts, [
        ['x', 'run', [1], { p: '1' }],
        ['', 'quiet', null, {}],
      ])
    })

    it('POST says another method in X-HTTP-Method-Override', async () => {
      await call().post(`${USER}/a`).set('X-HTTP-Method-Override', 'PUT').send({ x: 1 }).expect(201)
      await call().post(`${USER}/a`).set('X-HTTP-Method-Override', 'delete').expect(200)
      await put('b', { x: 1 }).set('X-HTTP-Method-Override', 'DELETE').expect(400)
    })

    it('a path that no route serves is passed on', async () => {
      await call().get('/openidm/managed/users').expect(404, 'not ours')
      await call().post('/openidm/x').send({}).expect(404, 'not ours')
    })

    it('indents with _prettyPrint, errors too', async () => {
      await put('a', {})
      assert.match((await call().get(`${USER}/a?_prettyPrint=true`)).text, /^\{\n {2}"_id": "a",\n/)
      assert.match((await call().get(`${USER}/b?_prettyPrint=true`)).text, /^\{\n {2}"code": 404,\n/)
      assert.match((await call().get(`${USER}/a?_prettyPrint=false`)).text, /^\{"_id"/)
    })

    it('answers with one field raw', async () => {
      await put('a', { page: '<p>hi é</p>', photo: Buffer.from([0, 255, 1]).toString('base64'), n: { x: 1 } })
      const text = await call().get(`${USER}/a?_fields=page&_mimeType=text/html`).expect(200, '<p>hi é</p>')
      assert.equal(text.headers['content-type'], 'text/html;charset=utf-8')
      assert.equal(text.headers['x-content-type-options'], 'nosniff')
      assert.match(String(text.headers['content-security-policy']), /sandbox/)
      const image = await call().get(`${USER}/a?_fields=photo&_mimeType=image/png`).expect(200)
      assert.deepEqual([image.headers['content-type'], image.body], ['image/png', Buffer.from([0, 255, 1])])
      await call().get(`${USER}/a?_fields=n&_mimeType=application/json`).expect(200, { x: 1 })
      await call().get(`${USER}/a?_fields=page,n&_mimeType=text/plain`).expect(400)
      await call().get(`${USER}/a?_fields=page&_mimeType=text/html%0d%0aX:1`).expect(400)
    })

    it('tells handlers who called, and how', async () => {
      let seen: RequestContext | undefined
      router.add('who', {
        read: async (_request, context) => {
          seen = context
          return { id: '', revision: null, content: {} }
        },
      })
      await call().get('/openidm/who/x?_fields=a&b=c').set('X-Test', '1').expect(200)
      const { method, path, parameters, headers } = seen?.http ?? assert.fail('no HTTP context')
      assert.deepEqual(
        [method, path, parameters, headers['x-test']],
        ['GET', '/openidm/who/x', { _fields: 'a', b: 'c' }, '1'],
      )
      assert.equal(seen?.signal?.aborted, false)
    })

    it('an object without revision has neither _rev nor ETag', async () => {
      router.add('config', { read: async () => ({ id: 'sync', revision: null, content: { a: 1 } }) })
      const response = await call()
        .get('/openidm/config/sync')
        .set('If-None-Match', '"x"')
        .expect(200, { _id: 'sync', a: 1 })
      assert.equal(response.headers.etag, undefined)
    })

    it('Accept-API-Version picks a version or 404', async () => {
      router.add('job', { versions: ['2.0'], read: async () => ({ id: 'x', revision: null, content: {} }) })
      await call().get('/openidm/job').set('Accept-API-Version', 'protocol=1.0,resource=2.0').expect(200)
      const missing = { code: 404, reason: 'Not Found', message: "Resource '' not found" }
      await call().get('/openidm/job').set('Accept-API-Version', 'resource=1.0').expect(404, missing)
      await call().get('/openidm/job').set('Accept-API-Version', 'nonsense').expect(400)
    })

    const refused: [what: string, call: () => supertest.Test, code: number, message: RegExp][] = [
      [
        'an unknown reserved parameter',
        () => call().get(`${USER}/a?_foo=1`),
        400,
        /Unrecognized request parameter '_foo'/,
      ],
      [
        'a parameter given twice',
        () => call().get(`${USER}?_queryFilter=true&_pageSize=1&_pageSize=1`),
        400,
        /Multiple values/,
      ],
      ['an additional parameter given twice', () => call().get(`${USER}/a?x=1&x=2`), 400, /Multiple values/],
      ['a bad filter', () => call().get(`${USER}?_queryFilter=a+eq`), 400, /at position 4/],
      ['an unknown operator', () => call().get(`${USER}?_queryFilter=a+ne+1`), 400, /no operator 'ne'/],
      ['an operator of other endpoints', () => call().get(`${USER}?_queryFilter=a+EndsWith+"x"`), 400, /EndsWith/],
      ['a negation of no expression', () => call().get(`${USER}?_queryFilter=!a+eq+1`), 400, /negation/],
      ['a bad escape in the query', () => call().get(`${USER}?_queryFilter=%zz`), 400, /percent-encoded/],
      ['a bad escape in the path', () => call().get(`${USER}/%zz`), 400, /percent-encoding/],
      ['an empty path element', () => call().get(`${USER}//a`), 400, /empty segment/],
      ['a relative path element', () => call().get(`${USER}/%2e%2e/x`), 400, /dot segment/],
      [
        'If-None-Match with a revision on PUT',
        () => put('a', {}).set('If-None-Match', '"7"'),
        400,
        /not a supported value/,
      ],
      [
        'both conditions on PUT',
        () => put('a', {}).set('If-None-Match', '*').set('If-Match', '7'),
        412,
        /Simultaneous/,
      ],
      ['If-Match on GET', () => call().get(`${USER}/a`).set('If-Match', '7'), 412, /If-Match not supported for GET/],
      ['If-None-Match: * on GET', () => call().get(`${USER}/a`).set('If-None-Match', '*'), 412, /not appropriate/],
      [
        'If-None-Match on DELETE',
        () => call().delete(`${USER}/a`).set('If-None-Match', '*'),
        412,
        /not supported for DELETE/,
      ],
      ['an empty action', () => call().post(`${USER}?_action=`).send({}), 400, /_action/],
      ['an unsupported action', () => call().post(`${USER}?_action=x`).send({}), 501, /does not support action/],
      ['a list as an object', () => put('a', []), 400, /not a JSON object/],
      ['a PUT without body', () => call().put(`${USER}/a`), 400, /not a JSON object/],
      ['a PATCH that is an object', () => call().patch(`${USER}/a`).send({}), 400, /JSON array of patch operations/],
      [
        'a position in a PATCH',
        () =>
          call()
            .patch(`${USER}/a`)
            .send([{ operation: 'bogus', field: '/x' }]),
        400,
        /Invalid patch operation type bogus/,
      ],
      ['a body of another type', () => call().put(`${USER}/a`).type('text/plain').send('{}'), 415, /text\/plain/],
      ['a form', () => call().put(`${USER}/a`).type('form').send('a=b'), 415, /x-www-form-urlencoded/],
      ['OPTIONS', () => call().options(`${USER}/a`), 405, /OPTIONS/],
      [
        'a method that it does not know',
        () => call().post(`${USER}/a`).set('X-HTTP-Method-Override', 'LINK'),
        405,
        /method LINK is not allowed/,
      ],
      ['what is not there', () => call().get(`${USER}/none`), 404, /none not found/],
    ]
    for (const [what, make, code, message] of refused)
      it(`refuses ${what}: ${code}`, async () => {
        await connect(router, {}).create('managed/user', 'a', {})
        const { status, body, headers } = await make()
        assert.equal(status, code)
        assert.equal(headers['content-type'], JSON_TYPE)
        assert.match(body.message, message)
        assert.deepEqual(Object.keys(body), ['code', 'reason', 'message'])
      })

    it('refuses HEAD without a body', async () => {
      const { text, headers } = await call().head(`${USER}/a`).expect(501)
      assert.ok(!text)
      assert.equal(headers['content-type'], JSON_TYPE)
    })

    it('keeps members that share a name with one of a prototype, and reaches none', async () => {
      const content = '"a":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}},"toString":1'
      await call().put(`${USER}/a`).type('json').send(`{${content}}`).expect(201)
      const { text } = await call().get(`${USER}/a`).expect(200)
      assert.ok(text.endsWith(`,${content}}`), text)
      assert.equal(Reflect.get({}, 'polluted'), undefined)
    })

    it('shows detail of an error, and nothing of an unknown one', async () => {
      router.add('bad', {
        read: async () => {
          throw conflict('busy', { detail: { by: 'x' }, cause: new Error('secret') })
        },
        action: async () => {
          throw new TypeError('secret')
        },
      })
      await call()
        .get('/openidm/bad')
        .expect(409, { code: 409, reason: 'Conflict', message: 'busy', detail: { by: 'x' } })
      const bare = { code: 500, reason: 'Internal Server Error', message: 'Internal Server Error' }
      await call().post('/openidm/bad?_action=x').expect(500, bare)
    })

    it('what contextOf throws is the answer', async () => {
      const refusing = crestHttp({ router, contextOf: () => Promise.reject(unauthorized('Access Denied')) })
      const { server } = await listen(host(refusing))
      const denied = { code: 401, reason: 'Unauthorized', message: 'Access Denied' }
      await supertest(server).get(`${USER}/a`).expect(401, denied)
    })
  })
