import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../../lib/contract.ts'
import { call } from './call.ts'
import { type FakeIdm, fakeIdm } from './fake-idm.ts'

const USER = 'managed/user/u1'
const R1 = 'managed/role/r1'
const R2 = 'managed/role/r2'

describe('fake IDM: relationships', () => {
  let remote: FakeIdm

  beforeEach(async () => {
    remote = await fakeIdm()
    remote.seed('managed/role', [
      { _id: 'r1', name: 'Sales' },
      { _id: 'r2', name: 'Support' },
    ])
    remote.seed('managed/user', [
      { _id: 'boss', userName: 'boss', mail: 'boss@example.com' },
      { _id: 'u1', userName: 'amira', roles: [{ _ref: R1, _refProperties: { _grantType: '' } }] },
    ])
  })

  const roles = () => remote.refs('managed/user', 'u1', 'roles')
  const patch = (...operations: Json[]) => call(remote, `PATCH ${USER}`, operations)
  const read = async (fields: string) => (await call(remote, `GET ${USER}?_fields=${fields}`)).body
  const edges = async () => (await read('roles')).roles as { _ref: string; _refProperties: JsonObject }[]
  const firstEdge = async () => {
    const [edge] = await edges()
    assert.ok(edge)
    return edge
  }

  describe('reads', () => {
    it('returns relationship fields only when requested', async () => {
      const shown = { _id: 'u1', _rev: '1', userName: 'amira', effectiveRoles: [{ _ref: R1 }] }
      assert.deepEqual((await call(remote, `GET ${USER}`)).body, shown)
      const { _rev, ...body } = await read('roles,manager')
      const [edge] = body.roles as [JsonObject]
      const { _id, ...properties } = edge._refProperties as JsonObject
      assert.deepEqual(
        { ...edge, _refProperties: properties },
        { _ref: R1, _refProperties: { _rev: '1', _grantType: '' } },
      )
      assert.match(String(_id), /^[0-9a-f-]{36}$/)
      assert.deepEqual(Object.keys(body), ['_id', 'roles', 'manager'])
      assert.equal(body.manager, null)
    })

    it('returns all of them for *_ref, with the default fields for *,*_ref', async () => {
      assert.deepEqual(Object.keys(await read('*_ref')), ['_id', '_rev', 'roles', 'manager', 'reports'])
      assert.equal((await read('*,*_ref')).userName, 'amira')
    })

    it('returns far fields behind a single reference, and nothing behind a list', async () => {
      await patch({ operation: 'replace', field: '/manager', value: { _ref: 'managed/user/boss' } })
      const { manager, roles } = await read('manager/userName,roles/name')
      assert.deepEqual(Object.keys(manager as JsonObject), ['_ref', '_refProperties', 'userName'])
      assert.equal(roles, undefined)
    })

    it('answers queries of a relationship field with its edges and far fields', async () => {
      const { body } = await call(remote, `GET ${USER}/roles?_queryFilter=true`)
      const [edge] = body.result as JsonObject[]
      assert.equal(edge?._id, (await firstEdge())._refProperties._id)
      const members = await call(remote, `GET ${R1}/members?_queryFilter=true&_fields=userName`)
      const [member] = members.body.result as JsonObject[]
      assert.deepEqual([member?._ref, member?.userName], [USER, 'amira'])
    })

    it('pages the edges of a relationship field', async () => {
      const seeded = Array.from({ length: 4 }, (_, index) => ({ _id: `m${index}`, roles: [{ _ref: R2 }] }))
      remote.seed('managed/user', seeded)
      const page = async (cookie: string) => {
        const line = `GET ${R2}/members?_queryFilter=true&_pageSize=3${cookie}`
        const { result, pagedResultsCookie } = (await call(remote, line)).body
        return [(result as JsonObject[]).map(({ _ref }) => _ref), pagedResultsCookie]
      }
      const [first, cookie] = await page('')
      assert.deepEqual(
        first,
        ['m0', 'm1', 'm2'].map((id) => `managed/user/${id}`),
      )
      assert.deepEqual(await page(`&_pagedResultsCookie=${String(cookie)}`), [['managed/user/m3'], null])
    })

    it('returns the parts of a reference and far fields behind lists in PingIDM', async () => {
      remote.switches.like = 'pingidm'
      const [edge] = (await read('roles/name')).roles as JsonObject[]
      const { _ref, _refResourceCollection, _refResourceId, _refResourceRev, name } = edge ?? {}
      const parts = [_refResourceCollection, _refResourceId, _refResourceRev]
      assert.deepEqual([_ref, ...parts, name], [R1, 'managed/role', 'r1', '1', 'Sales'])
    })
  })

  describe('PUT', () => {
    it('empties roles and effectiveRoles when the body has no _id; manager and members stay', async () => {
      await patch({ operation: 'add', field: '/manager', value: { _ref: 'managed/user/boss' } })
      await call(remote, `PUT ${USER}`, { _id: 'u1', userName: 'amira', sn: 'x' })
      assert.deepEqual(roles(), [R1])
      await call(remote, `PUT ${USER}`, { userName: 'amira', sn: 'x' })
      assert.deepEqual(roles(), [])
      assert.deepEqual((await call(remote, `GET ${USER}`)).body.effectiveRoles, [])
      assert.deepEqual(remote.refs('managed/user', 'u1', 'manager'), ['managed/user/boss'])
    })

    it('leaves the members of a role alone', async () => {
      await call(remote, `PUT ${R1}`, { name: 'Sales 2' })
      assert.deepEqual(remote.refs('managed/role', 'r1', 'members'), [USER])
    })

    it('ignores effectiveRoles', async () => {
      await call(remote, `PUT ${USER}`, { _id: 'u1', userName: 'amira', effectiveRoles: [] })
      assert.equal('effectiveRoles' in (remote.object('managed/user', 'u1') ?? {}), false)
      assert.equal(remote.object('managed/user', 'u1')?._rev, '1')
    })
  })

  describe('PATCH', () => {
    it('adds one reference, refuses the same again and one to nothing', async () => {
      const add = (ref: string) => patch({ operation: 'add', field: '/roles/-', value: { _ref: ref } })
      assert.equal((await add(R2)).status, 200)
      const again = await add(R2)
      assert.deepEqual(
        [again.status, again.body.message],
        [412, 'Duplicate relationship specified in relationship collection.'],
      )
      const nothing = await add('managed/role/none')
      assert.equal(nothing.status, 400)
      assert.match(nothing.text, /The referenced relationship .*managed\/role\/none.* does not exist/)
      assert.deepEqual(roles(), [R1, R2])
    })

    it('removes a reference by the whole edge alone', async () => {
      const remove = (value?: Json) =>
        patch({ operation: 'remove', field: '/roles', ...(value === undefined ? {} : { value }) })
      const partial = await remove({ _ref: R1 })
      assert.deepEqual([partial.status, roles()], [200, [R1]])
      const all = await remove()
      assert.deepEqual([all.status, all.body.message], [400, 'Cannot delete collection'])
      assert.equal((await remove(await firstEdge())).status, 200)
      assert.deepEqual(roles(), [])
    })

    it('replaces the list by new edges, be they the same or none', async () => {
      const before = await firstEdge()
      await patch({ operation: 'replace', field: '/roles', value: [before] })
      const after = await firstEdge()
      assert.equal(after._ref, before._ref)
      assert.notEqual(after._refProperties._id, before._refProperties._id)
      await patch({ operation: 'replace', field: '/roles', value: [] })
      assert.deepEqual(roles(), [])
    })

    it('replaces the list by add, or appends to it in PingIDM', async () => {
      await patch({ operation: 'add', field: '/roles', value: [{ _ref: R2 }] })
      assert.deepEqual(roles(), [R2])
      remote.switches.like = 'pingidm'
      await patch({ operation: 'add', field: '/roles', value: [{ _ref: R1 }, { _ref: R2 }] })
      assert.deepEqual(roles(), [R2, R1])
    })

    it('removes a single reference', async () => {
      await patch({ operation: 'replace', field: '/manager', value: { _ref: 'managed/user/boss' } })
      assert.deepEqual(remote.refs('managed/user', 'boss', 'reports'), [USER])
      assert.equal((await patch({ operation: 'remove', field: '/manager' })).status, 200)
      assert.equal((await read('manager')).manager, null)
      assert.deepEqual(remote.refs('managed/user', 'boss', 'reports'), [])
    })

    it('gives a user one manager only, from either end', async () => {
      await patch({ operation: 'replace', field: '/manager', value: { _ref: 'managed/user/boss' } })
      remote.seed('managed/user', [{ _id: 'chief' }])
      const report = { operation: 'add', field: '/reports/-', value: { _ref: USER } }
      await call(remote, 'PATCH managed/user/chief', [report])
      assert.deepEqual(remote.refs('managed/user', 'u1', 'manager'), ['managed/user/chief'])
      assert.deepEqual(remote.refs('managed/user', 'boss', 'reports'), [])
    })

    it('applies nothing when a reference is refused', async () => {
      const bad = { operation: 'add', field: '/roles/-', value: { _ref: 'managed/role/none' } }
      assert.equal((await patch({ operation: 'replace', field: '/userName', value: 'x' }, bad)).status, 400)
      assert.equal(remote.object('managed/user', 'u1')?.userName, 'amira')
    })

    it('moves the revision of a user, and of its edges, when a role gets it as a member', async () => {
      const before = await firstEdge()
      await call(remote, `PATCH ${R2}`, [{ operation: 'add', field: '/members/-', value: { _ref: USER } }])
      assert.equal(remote.object('managed/role', 'r2')?._rev, '2')
      assert.equal(remote.object('managed/user', 'u1')?._rev, '2')
      assert.deepEqual([before._refProperties._rev, (await firstEdge())._refProperties._rev], ['1', '2'])
    })
  })

  it('creates, reads and deletes one edge by its own path', async () => {
    const created = await call(remote, `POST ${USER}/roles?_action=create`, { _ref: R2 })
    assert.equal(created.status, 201)
    assert.deepEqual(roles(), [R1, R2])
    const path = `${USER}/roles/${created.body._id}`
    assert.equal((await call(remote, `GET ${path}`)).body._ref, R2)
    assert.equal((await call(remote, `DELETE ${path}`)).body._ref, R2)
    assert.deepEqual(roles(), [R1])
    assert.equal((await call(remote, `DELETE ${path}`)).status, 404)
  })

  it('deletes the edges of a deleted object', async () => {
    await call(remote, `DELETE ${R1}`)
    assert.deepEqual(roles(), [])
  })

  it('supports several collections behind one field, and one-way relationships', async () => {
    const organized = await fakeIdm({
      relationships: {
        'managed/user/memberOf*': 'managed/org/members*',
        'managed/user/authzRoles*': 'internal/role/',
        'managed/device/owners*': 'managed/user/devices*',
        'managed/group/owners*': 'managed/user/groups*',
      },
    })
    organized.seed('internal/role', [{ _id: 'admin' }])
    organized.seed('managed/user', [{ _id: 'u', authzRoles: [{ _ref: 'internal/role/admin' }] }])
    assert.deepEqual(organized.refs('managed/user', 'u', 'authzRoles'), ['internal/role/admin'])
    assert.equal((await call(organized, 'DELETE internal/role/admin')).status, 200)
    assert.deepEqual(organized.refs('managed/user', 'u', 'authzRoles'), [])
  })
})
