import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { call } from './call.ts'
import { type FakeIdm, fakeIdm } from './fake-idm.ts'

describe('fake IDM: reads and requests', () => {
  let remote: FakeIdm

  beforeEach(async () => {
    remote = await fakeIdm({ invisible: ['password'] })
    remote.seed('managed/thing', [
      { _id: 'c', name: 'Gamma', size: 3, tags: ['x'], password: 'Secret12' },
      { _id: 'a', name: 'Alpha', size: 1, address: { city: 'Lima' } },
      { _id: 'b', name: 'Beta', size: 2 },
    ])
  })

  const ids = ({ body }: { body: JsonObject }) => (body.result as JsonObject[]).map(({ _id }) => _id)
  const query = (parameters: string) => call(remote, `GET managed/thing?${parameters}`)
  const filtered = async (filter: string) => ids(await query(`_queryFilter=${encodeURIComponent(filter)}`))

  it('never returns invisible fields, not even by name', async () => {
    const expected = { _id: 'c', _rev: '1', name: 'Gamma', size: 3, tags: ['x'] }
    assert.deepEqual((await call(remote, 'GET managed/thing/c')).body, expected)
    assert.deepEqual((await call(remote, 'GET managed/thing/c?_fields=password')).body, { _id: 'c', _rev: '1' })
    assert.deepEqual(await filtered('password eq "Secret12"'), [])
  })

  it('projects: _id and _rev are added, an empty choice is all', async () => {
    const { body } = await call(remote, 'GET managed/thing/a?_fields=name,/address/city')
    assert.deepEqual(body, { _id: 'a', _rev: '1', name: 'Alpha', address: { city: 'Lima' } })
    for (const fields of ['', '*']) {
      const whole = await call(remote, `GET managed/thing/a?_fields=${fields}`)
      assert.equal(Object.keys(whole.body).length, 5)
    }
  })

  it('answers 304 with a Content-Length of 67 and no body', async () => {
    const answer = await call(remote, 'GET managed/thing/a', undefined, { 'if-none-match': '"1"' })
    assert.deepEqual([answer.status, answer.headers['content-length'], answer.text], [304, '67', ''])
  })

  describe('filters', () => {
    for (const [filter, expected] of [
      ['true', ['c', 'a', 'b']],
      ['_id eq "a" or _id eq "b"', ['a', 'b']],
      ['size gt 1 and !(name co "gam")', ['b']],
      ['unknown eq "x"', []],
      ['unknown pr', []],
      ['unknown gt 1', []],
      ['tags eq "x"', []],
      ['tags pr', ['c']],
    ] as const)
      it(filter, async () => {
        assert.deepEqual(await filtered(filter), expected)
      })

    it('rejects in with 400 and unknown operators with 500', async () => {
      assert.equal((await query(`_queryFilter=_id in '["a"]'`)).status, 400)
      assert.equal((await query('_queryFilter=_id ne "a"')).status, 500)
      assert.equal((await query('_queryFilter=_id eq')).status, 400)
    })
  })

  describe('pages', () => {
    it('uses offsets as cookies and returns one whenever the page is full', async () => {
      const first = await query('_queryFilter=true&_pageSize=3')
      assert.deepEqual([ids(first), first.body.pagedResultsCookie], [['c', 'a', 'b'], '3'])
      const last = await query('_queryFilter=true&_pageSize=3&_pagedResultsCookie=3')
      assert.deepEqual([ids(last), last.body.pagedResultsCookie], [[], null])
    })

    it('sorts, skips, and counts nothing', async () => {
      const exact = '_totalPagedResultsPolicy=EXACT'
      const answer = await query(`_queryFilter=true&_sortKeys=-name&_pageSize=2&_pagedResultsOffset=1&${exact}`)
      assert.deepEqual(ids(answer), ['b', 'a'])
      const { totalPagedResultsPolicy, totalPagedResults, resultCount } = answer.body
      assert.deepEqual([totalPagedResultsPolicy, totalPagedResults, resultCount], ['NONE', -1, 2])
    })

    it('refuses a garbage cookie, and cookie and offset together', async () => {
      assert.equal((await query('_queryFilter=true&_pageSize=1&_pagedResultsCookie=xyz')).status, 400)
      const both = '_pagedResultsCookie=1&_pagedResultsOffset=1'
      assert.equal((await query(`_queryFilter=true&_pageSize=1&${both}`)).status, 400)
    })
  })

  describe('requests', () => {
    it('refuses unknown parameters and one given twice', async () => {
      assert.equal((await call(remote, 'GET managed/thing/a?_foo=1')).status, 400)
      assert.equal((await query('_queryFilter=true&_countOnly=true')).status, 400)
      assert.equal((await call(remote, 'GET managed/thing/a?_fields=a&_fields=b')).status, 400)
    })

    it('refuses a slash, a percent sign and dots in an id with HTML', async () => {
      for (const id of ['a%2Fb', 'a%25', '%2e%2e']) {
        const { status, headers } = await call(remote, `GET managed/thing/${id}`)
        assert.deepEqual([status, headers['content-type']], [400, 'text/html;charset=iso-8859-1'])
      }
    })

    it('rejects HEAD, supports OPTIONS and method override', async () => {
      assert.equal((await call(remote, 'HEAD managed/thing/a')).status, 501)
      const options = await call(remote, 'OPTIONS managed/thing/a')
      assert.deepEqual([options.status, options.rawHeaders.filter((name) => name === 'allow').length], [200, 7])
      await call(remote, 'POST managed/thing/a', { name: 'put' }, { 'x-http-method-override': 'PUT' })
      assert.deepEqual(
        [remote.writes[0]?.line, remote.object('managed/thing', 'a')?.name],
        ['PUT managed/thing/a', 'put'],
      )
    })

    it('requires the configured credentials, without a challenge', async () => {
      remote.switches.credentials = { userName: 'openidm-admin', password: 'openidm-admin' }
      const { status, headers } = await call(remote, 'GET managed/thing/a')
      assert.deepEqual([status, headers['www-authenticate']], [401, undefined])
      const authorization = `Basic ${btoa('openidm-admin:openidm-admin')}`
      const basic = await call(remote, 'GET managed/thing/a', undefined, { authorization })
      assert.match(String(basic.headers['set-cookie']), /^session-jwt=/)
      const quiet = { authorization, 'x-openidm-nosession': 'true' }
      assert.equal((await call(remote, 'GET managed/thing/a', undefined, quiet)).headers['set-cookie'], undefined)
    })

    it('records each of them', async () => {
      await call(remote, 'PUT managed/thing/n?_fields=name', '{"serial":9007199254740993}', { 'if-none-match': '*' })
      await query('_queryFilter=true')
      assert.deepEqual(
        remote.requests.map(({ line }) => line),
        ['PUT managed/thing/n', 'GET managed/thing'],
      )
      const [write] = remote.writes
      assert.deepEqual(write?.query, { _fields: 'name' })
      assert.deepEqual([write?.ifNoneMatch, write?.text], ['*', '{"serial":9007199254740993}'])
      assert.deepEqual(write?.body, { serial: 9007199254740992 })
      remote.clearRequests()
      assert.equal(remote.requests.length, 0)
    })
  })

  describe('like PingIDM', () => {
    beforeEach(async () => {
      remote = await fakeIdm({ like: 'pingidm' })
      remote.seed('managed/thing', [{ _id: 'b', tags: ['x'] }, { _id: 'a' }])
    })

    it('has long revisions, and 412 for any that is not current', async () => {
      assert.ok(String((await call(remote, 'GET managed/thing/a')).body._rev).length > 36)
      assert.equal((await call(remote, 'PUT managed/thing/a', { x: 1 }, { 'if-match': 'abc' })).status, 412)
    })

    it('pages by the values of the last object, and counts', async () => {
      const first = await query('_queryFilter=true&_pageSize=1&_totalPagedResultsPolicy=EXACT')
      assert.deepEqual([ids(first), first.body.totalPagedResults], [['a'], 2])
      remote.delete('managed/thing', 'a')
      const cookie = encodeURIComponent(String(first.body.pagedResultsCookie))
      const second = await query(`_queryFilter=true&_pageSize=1&_pagedResultsCookie=${cookie}`)
      assert.deepEqual([ids(second), second.body.pagedResultsCookie], [['b'], null])
    })

    it('matches elements of lists, and supports in', async () => {
      assert.deepEqual(await filtered('tags eq "x"'), ['b'])
      assert.deepEqual(await filtered(`_id in '["a","z"]'`), ['a'])
    })

    it('appends missing elements by add of a list', async () => {
      await call(remote, 'PATCH managed/thing/b', [{ operation: 'add', field: '/tags', value: ['x', 'y'] }])
      assert.deepEqual(remote.object('managed/thing', 'b')?.tags, ['x', 'y'])
    })
  })
})
