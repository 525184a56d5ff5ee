import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { request } from '../http.ts'
import { until } from '../until.ts'
import { call } from './call.ts'
import {
  alternatingCookies,
  busy,
  cutAfter,
  cutBefore,
  delayed,
  emptyPagesFirst,
  endlessCookies,
  errorIn200,
  type FakeIdm,
  fakeIdm,
  foreign,
  held,
  ignoresWrites,
  inLatin1,
  invalidUtf8,
  missingRows,
  otherId,
  partialRows,
  repeatedRow,
  rewriteObject,
  rowsWithoutId,
  truncated,
} from './fake-idm.ts'

const THING = 'managed/thing/a'
const CHANGE = [{ operation: 'replace', field: '/name', value: 'changed' }]

describe('fake IDM: interceptors', () => {
  let remote: FakeIdm

  beforeEach(async () => {
    remote = await fakeIdm()
    remote.seed('managed/thing', [{ _id: 'a', name: 'René' }, { _id: 'b', name: 'Beta' }, { _id: 'c' }])
  })

  const name = () => remote.object('managed/thing', 'a')?.name
  const page = async (parameters = '') => {
    const { body } = await call(remote, `GET managed/thing?_queryFilter=true${parameters}`)
    const ids = (body.result as JsonObject[]).map(({ _id }) => _id)
    return { ids, rows: body.result as JsonObject[], cookie: body.pagedResultsCookie, count: body.resultCount }
  }

  describe('when', () => {
    it('is a pattern of method and path, or a function', async () => {
      const reads = remote.intercept('GET managed/thing/*', busy())
      const named = remote.intercept(({ query }) => query._fields === 'name', busy(503))
      assert.equal((await page()).count, 3)
      assert.equal((await call(remote, `GET ${THING}`)).status, 429)
      assert.equal((await call(remote, `GET ${THING}?_fields=name`)).status, 503)
      assert.deepEqual([reads.hits, named.hits], [2, 1])
      reads.remove()
      assert.equal((await call(remote, `GET ${THING}`)).status, 200)
    })

    it('can be limited to the first requests', async () => {
      remote.intercept('*', busy(503, 2), { times: 2 })
      const answers = [await call(remote, `GET ${THING}`), await call(remote, `GET ${THING}`)]
      assert.deepEqual(
        answers.map(({ status, headers }) => [status, headers['retry-after']]),
        [
          [503, '2'],
          [503, '2'],
        ],
      )
      assert.equal((await call(remote, `GET ${THING}`)).status, 200)
    })

    it('has no Retry-After unless told', async () => {
      remote.intercept('*', busy())
      assert.equal((await call(remote, `GET ${THING}`)).headers['retry-after'], undefined)
    })

    it('ends with reset', async () => {
      remote.intercept('*', busy())
      remote.reset()
      assert.deepEqual([(await page()).ids, remote.requests.length], [[], 1])
    })
  })

  for (const [kind, type, text] of [
    ['html', 'text/html', /^<html>/],
    ['text', 'text/plain', /^404/],
    ['empty', undefined, /^$/],
    ['json', 'application/json;charset=utf-8', /"error":"no route"/],
    ['idm', 'application/json;charset=utf-8', /^{"code":404,"reason":"Not Found"/],
  ] as const)
    it(`answers with a foreign 404 (${kind}) without processing the request`, async () => {
      remote.intercept('DELETE *', foreign(kind))
      const answer = await call(remote, `DELETE ${THING}`)
      assert.deepEqual([answer.status, answer.headers['content-type']], [404, type])
      assert.match(answer.text, text)
      assert.equal(name(), 'René')
    })

  describe('lies', () => {
    it('answers 200 with an error, the write done or not', async () => {
      remote.intercept('PATCH *', errorIn200({ applied: true }))
      remote.intercept('PATCH *', errorIn200(), { times: 1 })
      const first = await call(remote, `PATCH ${THING}`, CHANGE)
      assert.deepEqual([first.status, first.body.code, name()], [200, 500, 'René'])
      const second = await call(remote, `PATCH ${THING}`, CHANGE)
      assert.deepEqual([second.status, second.body.code, name()], [200, 500, 'changed'])
    })

    it('answers with another id', async () => {
      remote.intercept('PATCH *', otherId('z'))
      assert.equal((await call(remote, `PATCH ${THING}`, CHANGE)).body._id, 'z')
      assert.deepEqual(remote.ids('managed/thing'), ['a', 'b', 'c'])
    })

    it('pretends to write', async () => {
      remote.intercept('PUT *', ignoresWrites())
      assert.deepEqual((await call(remote, `PUT ${THING}`, { name: 'x' })).body, { name: 'x' })
      assert.equal(name(), 'René')
    })

    it('changes the object in an answer', async () => {
      remote.intercept(
        'GET *',
        rewriteObject((object) => ({ ...object, name: 'other' })),
      )
      assert.equal((await call(remote, `GET ${THING}`)).body.name, 'other')
    })
  })

  describe('rows', () => {
    it('are missing, though reads by id find them', async () => {
      remote.intercept('GET managed/thing', missingRows('a', 'c'))
      assert.deepEqual(await page().then(({ ids, count }) => [ids, count]), [['b'], 1])
      assert.equal((await call(remote, `GET ${THING}`)).status, 200)
    })

    it('have no _id', async () => {
      remote.intercept('*', rowsWithoutId('a'))
      assert.deepEqual((await page()).ids, [undefined, 'b', 'c'])
    })

    it('have _id and _rev only', async () => {
      remote.intercept('*', partialRows('a'))
      assert.deepEqual((await page()).rows[0], { _id: 'a', _rev: '1' })
    })

    it('come twice', async () => {
      remote.intercept('*', repeatedRow('b', { name: 'Other' }))
      const { ids, rows } = await page()
      assert.deepEqual([ids, rows[2]?.name], [['a', 'b', 'b', 'c'], 'Other'])
    })
  })

  describe('cookies', () => {
    const scan = async (pages: number) => {
      const seen: unknown[] = []
      let cookie: unknown = ''
      for (let count = 0; count < pages && cookie !== null; count++) {
        const parameters: string = cookie ? `&_pagedResultsCookie=${cookie}` : ''
        const next = await page(`&_pageSize=2${parameters}`)
        cookie = next.cookie
        seen.push([next.ids.join(), cookie])
      }
      return seen
    }

    it('repeat a page with new cookies', async () => {
      remote.intercept('*', endlessCookies())
      const pages = [
        ['a,b', 'endless-1'],
        ['a,b', 'endless-2'],
        ['a,b', 'endless-3'],
      ]
      assert.deepEqual(await scan(3), pages)
    })

    it('alternate', async () => {
      remote.intercept('*', alternatingCookies())
      assert.deepEqual(await scan(4), [
        ['a,b', 'A'],
        ['c', 'B'],
        ['a,b', 'A'],
        ['c', 'B'],
      ])
    })

    it('lead through empty pages to the first real one', async () => {
      remote.intercept('*', emptyPagesFirst(2))
      assert.deepEqual(await scan(9), [
        ['', 'empty-1'],
        ['', 'empty-2'],
        ['a,b', '2'],
        ['c', null],
      ])
    })
  })

  describe('time and connection', () => {
    it('moves a revision once, before a write is carried out', async () => {
      remote.before('PATCH *', () => remote.change('managed/thing', 'a', { size: 1 }))
      assert.equal((await call(remote, `PATCH ${THING}`, CHANGE, { 'if-match': '1' })).status, 412)
      assert.equal((await call(remote, `PATCH ${THING}`, CHANGE, { 'if-match': '2' })).status, 200)
    })

    it('holds and delays', async () => {
      const gate = held()
      remote.intercept('GET *', gate)
      remote.intercept('GET *', delayed(1))
      const answer = call(remote, `GET ${THING}`)
      await until(() => gate.waiting === 1)
      gate.release()
      assert.equal((await answer).status, 200)
    })

    it('cuts the connection before or after the write', async () => {
      remote.intercept('PATCH *', cutAfter())
      remote.intercept('PATCH *', cutBefore(), { times: 1 })
      await assert.rejects(call(remote, `PATCH ${THING}`, CHANGE))
      assert.equal(name(), 'René')
      await assert.rejects(call(remote, `PATCH ${THING}`, CHANGE))
      assert.equal(name(), 'changed')
    })
  })

  describe('bytes', () => {
    for (const [title, interceptor, type] of [
      ['are ISO-8859-1 as the header says', inLatin1(), 'application/json;charset=ISO-8859-1'],
      ['are not the UTF-8 of the header', invalidUtf8(), 'application/json;charset=utf-8'],
    ] as const)
      it(title, async () => {
        remote.intercept('*', interceptor)
        const { body, headers } = await request(`${remote.url}${THING}`)
        assert.equal(headers['content-type'], type)
        assert.ok(body.includes(Buffer.from('Ren\xe9', 'latin1')))
      })

    it('are half a JSON text', async () => {
      remote.intercept('*', truncated())
      const { status, text } = await request(`${remote.url}${THING}`)
      assert.deepEqual([status, text], [200, '{"_id":"a","_rev":'])
    })
  })
})
