import assert from 'node:assert/strict'
import { call } from './call.ts'
import { type FakeIdm, fakeIdm } from './fake-idm.ts'

const THING = 'managed/thing/a'
const CHANGE = [{ operation: 'replace', field: '/name', value: 'changed' }]

describe('fake IDM: switches', () => {
  let remote: FakeIdm

  beforeEach(async () => {
    remote = await fakeIdm()
    remote.seed('managed/thing', [{ _id: 'a', name: 'one', secret: 's', tags: ['b', 'a'] }])
  })

  const stored = (id = 'a') => remote.object('managed/thing', id)

  it('swallows a field', async () => {
    remote.switches.swallowed = ['name']
    const { status, body } = await call(remote, `PATCH ${THING}`, CHANGE)
    assert.deepEqual([status, body.name, stored()?._rev], [200, 'one', '1'])
    await call(remote, 'PUT managed/thing/n', { name: 'x', size: 1 })
    assert.deepEqual(stored('n'), { _id: 'n', _rev: '1', size: 1 })
  })

  it('stores a write-only field, never returns it, and keeps it on PUT', async () => {
    remote.switches.writeOnly = ['secret']
    await call(remote, `PUT ${THING}`, { name: 'two' })
    assert.deepEqual([stored()?.secret, stored()?.name], ['s', 'two'])
    const change = [{ operation: 'replace', field: '/secret', value: 't' }]
    assert.equal('secret' in (await call(remote, `PATCH ${THING}`, change)).body, false)
    assert.equal(stored()?.secret, 't')
  })

  it('stores normalised values', async () => {
    remote.switches.normalised = { mail: 'lowerCase', name: 'trim', tags: 'sort', phone: () => '+1' }
    const { body } = await call(remote, 'PUT managed/thing/n', {
      mail: 'A@B',
      name: ' x ',
      tags: ['b', 'a'],
      phone: '1',
    })
    const expected = { _id: 'n', _rev: '1', mail: 'a@b', name: 'x', tags: ['a', 'b'], phone: '+1' }
    assert.deepEqual(body, expected)
    assert.deepEqual(stored('n'), expected)
  })

  it('has no revisions, and ignores conditions', async () => {
    const plain = await fakeIdm({ revisions: 'none' })
    plain.seed('managed/thing', [{ _id: 'a' }])
    const { body, headers } = await call(plain, `GET ${THING}`)
    assert.deepEqual([body, headers.etag], [{ _id: 'a' }, undefined])
    const write = await call(plain, `PATCH ${THING}`, CHANGE, { 'if-match': 'xyz' })
    assert.deepEqual([write.status, write.body], [200, { _id: 'a', name: 'changed' }])
  })

  for (const status of [400, 405, 501] as const)
    it(`refuses PATCH with ${status}`, async () => {
      remote.switches.patch = status
      assert.equal((await call(remote, `PATCH ${THING}`, CHANGE)).status, status)
      assert.equal(stored()?.name, 'one')
    })

  for (const status of [400, 403, 405] as const)
    it(`refuses ids of clients with ${status}`, async () => {
      remote.switches.clientIds = status
      assert.equal((await call(remote, 'PUT managed/thing/n', {}, { 'if-none-match': '*' })).status, status)
      assert.equal((await call(remote, 'POST managed/thing?_action=create', { _id: 'n' })).status, status)
      assert.equal((await call(remote, 'POST managed/thing?_action=create', { name: 'x' })).status, 201)
      assert.equal((await call(remote, `PUT ${THING}`, { name: 'two' })).status, 200)
    })

  it('uses a field as the id: a create takes it from there, an update renames', async () => {
    remote.switches.namedBy = 'name'
    const created = await call(remote, 'PUT managed/thing/given', { name: 'given2' }, { 'if-none-match': '*' })
    assert.deepEqual([created.status, created.body._id], [201, 'given2'])
    const renamed = await call(remote, 'PATCH managed/thing/given2', CHANGE)
    assert.deepEqual([renamed.status, renamed.body._id], [200, 'changed'])
    assert.deepEqual(remote.ids('managed/thing'), ['a', 'changed'])
    assert.equal((await call(remote, 'GET managed/thing/given2')).status, 404)
  })

  it('keeps edges on rename', async () => {
    remote.switches.namedBy = 'name'
    remote.seed('managed/user', [{ _id: 'u1' }])
    remote.seed('managed/role', [{ _id: 'Sales', name: 'Sales', members: [{ _ref: 'managed/user/u1' }] }])
    await call(remote, 'PATCH managed/role/Sales', [{ operation: 'replace', field: '/name', value: 'Support' }])
    assert.deepEqual(remote.refs('managed/user', 'u1', 'roles'), ['managed/role/Support'])
  })

  it('finds nothing by a field that cannot be searched, and shows it', async () => {
    remote.switches.unsearchable = ['name']
    for (const filter of ['name pr', 'name eq "one"', 'name gt "a"'])
      assert.deepEqual((await call(remote, `GET managed/thing?_queryFilter=${filter}`)).body.result, [])
    assert.equal((await call(remote, `GET ${THING}`)).body.name, 'one')
  })

  it('has a clock that differs, or says no time', async () => {
    for (const skew of [3_600_000, -3_600_000]) {
      remote.switches.clockSkew = skew
      const ahead = Date.parse(String((await call(remote, `GET ${THING}`)).headers.date)) - Date.now()
      assert.ok(Math.abs(ahead - skew) < 5000, String(ahead))
    }
    remote.switches.clockSkew = 'none'
    assert.equal((await call(remote, `GET ${THING}`)).headers.date, undefined)
  })
})
