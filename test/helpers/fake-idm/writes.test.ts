import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../../lib/contract.ts'
import { call } from './call.ts'
import { type FakeIdm, fakeIdm, USER_POLICIES } from './fake-idm.ts'

const USER = 'managed/user/u1'
const AMIRA = { userName: 'amira', givenName: 'Amira', sn: 'Ortiz', mail: 'amira@example.com' }

describe('fake IDM: writes', () => {
  let remote: FakeIdm

  beforeEach(async () => {
    remote = await fakeIdm({ invisible: ['password'] })
    remote.seed('managed/user', [{ _id: 'u1', ...AMIRA, password: 'Secret12', aliases: ['a', 'b'], nums: [1, 2] }])
    remote.seed('managed/thing', [{ _id: 't1', name: 'one' }])
  })

  const stored = (): JsonObject => remote.object('managed/user', 'u1') ?? {}
  const patch = (operations: Json, headers = {}) => call(remote, `PATCH ${USER}`, operations, headers)

  describe('PUT', () => {
    it('removes the invisible fields that the body lacks', async () => {
      assert.equal((await call(remote, `PUT ${USER}`, { _id: 'u1', ...AMIRA })).status, 200)
      assert.equal('password' in stored(), false)
    })

    it('answers unchanged content of a user with 200 and the wrong revision, and writes nothing', async () => {
      remote.seed('managed/user', [{ _id: 'u2', ...AMIRA }])
      const answer = await call(remote, 'PUT managed/user/u2', { _id: 'u2', ...AMIRA }, { 'if-match': '"99"' })
      assert.deepEqual([answer.status, answer.body._rev, answer.headers.etag], [200, '99', undefined])
      assert.equal(remote.object('managed/user', 'u2')?._rev, '1')
    })

    it('moves the revision for unchanged content of other types', async () => {
      const answer = await call(remote, 'PUT managed/thing/t1', { name: 'one' })
      assert.deepEqual(answer.body, { _id: 't1', _rev: '2', name: 'one' })
      assert.equal((await call(remote, 'PUT managed/thing/t1', { name: 'one' }, { 'if-match': '1' })).status, 412)
    })

    it('compares a _rev in the body without If-Match, and ignores another _id', async () => {
      const stale = await call(remote, 'PUT managed/thing/t1', { _rev: '7', name: 'two' })
      assert.equal(stale.status, 412)
      const other = await call(remote, 'PUT managed/thing/t1', { _id: 'x', _rev: '1', name: 'two' })
      assert.deepEqual(other.body, { _id: 't1', _rev: '2', name: 'two' })
    })

    it('refuses a revision that is no number with 409', async () => {
      assert.equal((await call(remote, `PUT ${USER}`, AMIRA, { 'if-match': 'abc' })).status, 409)
    })

    it('updates what is there, creates what is not, and does not update what is missing', async () => {
      assert.equal((await call(remote, 'PUT managed/thing/new', { name: 'new' })).status, 201)
      assert.equal((await call(remote, 'PUT managed/thing/none', { name: 'x' }, { 'if-match': '*' })).status, 404)
    })
  })

  describe('create', () => {
    it('uses the id in the body, even when the path of a PUT names another', async () => {
      const put = await call(remote, 'PUT managed/thing/given', { _id: 'other' }, { 'if-none-match': '*' })
      assert.deepEqual([put.status, put.body._id, put.headers.etag], [201, 'other', '"1"'])
      const post = await call(remote, 'POST managed/thing?_action=create', { _id: 'a/b%' })
      assert.deepEqual([post.status, post.body._id], [201, 'a/b%'])
      const own = await call(remote, 'POST managed/thing?_action=create', { name: 'x' })
      assert.match(String(own.body._id), /^[0-9a-f-]{36}$/)
    })

    it('has a Location without the collection', async () => {
      const { headers } = await call(remote, 'PUT managed/thing/new', {}, { 'if-none-match': '*' })
      assert.equal(headers.location, `${remote.url}new`)
    })

    it('answers a taken id with 412 and the whole record, invisible fields included', async () => {
      for (const line of [`PUT ${USER}`, 'POST managed/user?_action=create']) {
        const headers: Record<string, string> = line.startsWith('PUT') ? { 'if-none-match': '*' } : {}
        const { status, text } = await call(remote, line, { _id: 'u1', sn: 'x' }, headers)
        assert.equal(status, 412)
        assert.match(text, /Secret12/)
      }
      assert.equal(stored().sn, 'Ortiz')
    })

    it('sets defaults that an update does not set again', async () => {
      remote.switches.defaults = { accountStatus: 'active' }
      await call(remote, 'PUT managed/thing/d', { name: 'd' })
      assert.equal(remote.object('managed/thing', 'd')?.accountStatus, 'active')
      await call(remote, 'PUT managed/thing/d', { name: 'd' })
      assert.equal('accountStatus' in (remote.object('managed/thing', 'd') ?? {}), false)
    })
  })

  describe('PATCH', () => {
    it('refuses replace with null and applies nothing of the list', async () => {
      const operations = [
        { operation: 'replace', field: '/sn', value: 'New' },
        { operation: 'replace', field: '/mail', value: null },
      ]
      const { status, text } = await patch(operations)
      assert.equal(status, 400)
      assert.match(text, /No value field provided for &#39;replace&#39; operation/)
      assert.deepEqual([stored().sn, stored()._rev], ['Ortiz', '1'])
    })

    it('keeps invisible fields', async () => {
      assert.equal((await patch([{ operation: 'replace', field: '/sn', value: 'New' }])).body._rev, '2')
      assert.equal(stored().password, 'Secret12')
    })

    it('removes a field, and answers 200 with the same revision and no ETag when it is absent', async () => {
      assert.equal((await patch([{ operation: 'remove', field: '/sn' }])).headers.etag, '"2"')
      const again = await patch([{ operation: 'remove', field: '/sn' }])
      assert.deepEqual([again.status, again.body._rev, again.headers.etag], [200, '2', undefined])
    })

    it('checks a condition only when something changes, and echoes a wrong one otherwise', async () => {
      const change = [{ operation: 'replace', field: '/sn', value: 'New' }]
      assert.equal((await patch(change, { 'if-match': '9' })).status, 412)
      const none = await patch([{ operation: 'replace', field: '/sn', value: 'Ortiz' }], { 'if-match': '9' })
      assert.deepEqual([none.status, none.body._rev], [200, '9'])
      assert.equal(stored()._rev, '1')
    })

    for (const [title, operation, expected] of [
      ['replaces a list by add', { operation: 'add', field: '/aliases', value: ['c'] }, ['c']],
      ['replaces a list by replace', { operation: 'replace', field: '/aliases', value: ['c'] }, ['c']],
      ['appends one element', { operation: 'add', field: '/aliases/-', value: 'c' }, ['a', 'b', 'c']],
      ['removes one element by its value', { operation: 'remove', field: '/aliases', value: 'a' }, ['b']],
    ] as const)
      it(title, async () => {
        await patch([operation] as unknown as Json)
        assert.deepEqual(stored().aliases, expected)
      })

    it('refuses positions, and fails on transform', async () => {
      const position = await patch([{ operation: 'replace', field: '/nums/0', value: 7 }])
      assert.equal(position.status, 400)
      assert.match(position.text, /Position-based operation is not allowed/)
      assert.equal((await patch([{ operation: 'transform', field: '/sn', value: {} }])).status, 500)
    })

    it('creates parents, increments, copies and moves', async () => {
      await patch([
        { operation: 'replace', field: '/a/b', value: 1 },
        { operation: 'increment', field: '/a/b', value: 2 },
        { operation: 'copy', from: '/sn', field: '/name' },
        { operation: 'move', from: '/mail', field: '/mail2' },
      ])
      const { a, name, mail, mail2 } = stored()
      assert.deepEqual({ a, name, mail, mail2 }, { a: { b: 3 }, name: 'Ortiz', mail: undefined, mail2: AMIRA.mail })
    })

    it('ignores _id', async () => {
      assert.equal((await patch([{ operation: 'replace', field: '/_id', value: 'x' }])).body._id, 'u1')
    })
  })

  describe('missing objects', () => {
    for (const method of ['GET', 'PATCH', 'DELETE'])
      it(`${method} answers 404 for an object and for a type`, async () => {
        const body = method === 'PATCH' ? [] : undefined
        const object = await call(remote, `${method} managed/user/none`, body)
        assert.deepEqual(object.body, {
          code: 404,
          reason: 'Not Found',
          message: 'Object none not found in managed/user',
        })
        const type = await call(remote, `${method} nosuchtype/x`, body)
        assert.equal(type.body.message, 'Resource &#39;nosuchtype/x&#39; not found')
      })
  })

  it('deletes on condition and answers with the object', async () => {
    assert.equal((await call(remote, `DELETE ${USER}`, undefined, { 'if-match': '3' })).status, 412)
    const { status, body } = await call(remote, `DELETE ${USER}`, undefined, { 'if-match': '1' })
    assert.deepEqual([status, body.userName, body.password], [200, 'amira', undefined])
    assert.deepEqual(remote.ids('managed/user'), [])
  })

  describe('policies', () => {
    const failed = ({ body }: { body: JsonObject }) =>
      JSON.stringify((body.detail as JsonObject | undefined)?.failedPolicyRequirements)

    beforeEach(() => {
      remote.switches.policies = { 'managed/user': USER_POLICIES }
    })

    it('refuses an incomplete or a second user', async () => {
      const { sn, ...incomplete } = AMIRA
      const answer = await call(remote, 'POST managed/user?_action=create', { ...incomplete, password: 'short' })
      assert.deepEqual([answer.status, answer.body.message], [403, 'Failed policy validation'])
      for (const word of ['REQUIRED', 'UNIQUE', '"minLength":8']) assert.ok(failed(answer).includes(word), word)
    })

    it('allows a PATCH to remove or empty required fields', async () => {
      assert.equal((await patch([{ operation: 'remove', field: '/sn' }])).status, 200)
      assert.equal((await patch([{ operation: 'replace', field: '/givenName', value: '' }])).status, 200)
    })

    it('rejects a password when a field that it must not contain is empty', async () => {
      await patch([{ operation: 'replace', field: '/givenName', value: '' }])
      const answer = await patch([{ operation: 'replace', field: '/password', value: 'Different12' }])
      assert.deepEqual([answer.status, failed(answer).includes('CANNOT_CONTAIN_OTHERS')], [403, true])
    })
  })

  it('keeps the digits of numbers through create, PUT, PATCH and query', async () => {
    const digits = '{"serial":9007199254740993,"big":12345678901234567890,"huge":1e400,"price":1.10}'
    await call(remote, 'PUT managed/thing/n', digits, { 'content-type': 'application/json' })
    const patched = `[{"operation":"replace","field":"/other","value":9007199254740995}]`
    await call(remote, 'PATCH managed/thing/n', patched, { 'content-type': 'application/json' })
    const expected = `"serial":9007199254740993,"big":12345678901234567890,"huge":1e400,"price":1.10,"other":9007199254740995}`
    assert.equal(remote.text('managed/thing', 'n'), `{"_id":"n","_rev":"2",${expected}`)
    assert.ok((await call(remote, 'GET managed/thing/n')).text.endsWith(expected))
    assert.ok((await call(remote, 'GET managed/thing?_queryFilter=_id eq "n"')).text.includes(expected))
  })
})
