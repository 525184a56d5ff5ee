import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../lib/contract.ts'
import type { FakeIdm } from '../helpers/fake-idm/fake-idm.ts'
import { type FakeStage, fakeStage, MAPPING, USERS } from './fake-stage.ts'

const ROLES = 'managed/role'
const via = (field: string, mapping: Json, more: JsonObject = {}): JsonObject => ({
  ...{ source: field, target: field },
  relationship: { mapping, ...more },
})
const plain = (MAPPING.properties ?? []) as Json[]
const roleMapping: JsonObject = {
  name: 'roles',
  source: `external/idm/one/${ROLES}`,
  target: `external/idm/two/${ROLES}`,
  properties: [{ source: 'name', target: 'name' }],
  correlationQuery: { linkQualifier: 'default', expressionTree: { any: ['name'] } },
}
const properties = [...plain, via('roles', 'roles'), via('manager', 'm')]

/** Users `a`, `b` … and roles `sales`, `support` … of one; the same of two have other ids. */
const role = (name: string) => ({ _id: name, name })
const roleOfTwo = (name: string) => ({ _id: `t-${name}`, name })
const edge = (id: string, properties: JsonObject = {}) => ({
  _ref: `${ROLES}/${id}`,
  _refProperties: { _grantType: '', ...properties },
})
const user = (id: string, more: JsonObject = {}) => ({ _id: id, userName: id, sn: id.toUpperCase(), ...more })

describe('relationships', () => {
  let stage: FakeStage
  let one: FakeIdm
  let two: FakeIdm

  beforeEach(async () => {
    stage = await fakeStage({ mapping: { properties }, more: [roleMapping] })
    one = stage.one
    two = stage.two
    one.seed(ROLES, ['sales', 'support', 'legacy'].map(role))
    two.seed(ROLES, ['sales', 'support', 'other'].map(roleOfTwo))
  })

  /** Links the roles of the two by their names. */
  const linkRoles = async (ids = ['sales', 'support']) => {
    for (const id of ids) assert.equal((await stage.recon(`&id=${id}`, undefined, 'roles')).state, 'SUCCESS')
    stage.writes()
  }
  const recon = async (parameters = '', body?: JsonObject) => {
    const run = await stage.recon(parameters, body)
    assert.equal(run.state, 'SUCCESS', JSON.stringify(run))
    return run
  }
  const idOfTwo = (userName: string): string => String(two.objects(USERS).find((own) => own.userName === userName)?._id)
  const rolesOf = (userName: string) => two.refs(USERS, idOfTwo(userName), 'roles').sort()
  const managerOf = (userName: string) => {
    const [reference = ''] = two.refs(USERS, idOfTwo(userName), 'manager')
    return two.object(USERS, reference.slice(USERS.length + 1))?.userName
  }
  const lines = () => stage.writes().map(([line]) => line)
  const noWrites = async () => {
    await recon()
    assert.deepEqual(stage.writes(), [])
  }

  it('go along with a new object in the request that creates it', async () => {
    await linkRoles()
    one.seed(USERS, [user('a', { roles: [edge('sales'), edge('support'), edge('legacy')] })])
    const run = await recon()
    assert.deepEqual(rolesOf('a'), [`${ROLES}/t-sales`, `${ROLES}/t-support`])
    assert.equal(stage.writes().length, 1)
    assert.deepEqual(run.fieldSummary, { noCounterpart: { '/roles': 1 } })
    assert.match(String((await stage.rows(run))[0]?.reason), /; roles: no counterpart: legacy$/)
    await noWrites()
  })

  it('are compared as sets and written by one request; what no link knows stays', async () => {
    await linkRoles()
    one.seed(USERS, [user('a', { roles: [edge('sales'), edge('legacy')] })])
    two.seed(USERS, [user('a', { sn: 'other', roles: [edge('t-other'), edge('t-support')] })])
    const run = await recon()
    assert.deepEqual(rolesOf('a'), [`${ROLES}/t-other`, `${ROLES}/t-sales`])
    assert.deepEqual(lines(), [`PATCH ${USERS}/a`])
    const [row] = await stage.rows(run)
    const [, change = {}] = (row?.changes ?? []) as JsonObject[]
    assert.deepEqual(change.to, [{ _ref: `${ROLES}/t-sales` }])
    assert.deepEqual(
      (change.from as JsonObject[]).map(({ _ref }) => _ref),
      [`${ROLES}/t-support`],
    )
    assert.deepEqual(change.edges, { kept: 1, missing: ['legacy'], missingCount: 1, openCount: 0 })
    assert.deepEqual(run.fieldSummary, { noCounterpart: { '/roles': 1 }, leftAlone: { '/roles': 1 } })
    await noWrites()
  })

  it('lead to managers that the same run creates, in a circle too', async () => {
    one.seed(USERS, [
      user('a', { manager: { _ref: `${USERS}/c` } }),
      user('b', { manager: { _ref: `${USERS}/a` } }),
      user('c'),
    ])
    one.seed(USERS, [
      user('c', { manager: { _ref: `${USERS}/b` } }),
      user('d', { manager: { _ref: `${USERS}/nobody` } }),
    ])
    const run = await recon()
    assert.deepEqual(['a', 'b', 'c'].map(managerOf), ['c', 'a', 'b'])
    assert.equal(managerOf('d'), undefined)
    assert.deepEqual((run.progress as { target: JsonObject }).target.created, 4)
    stage.writes()
    await noWrites()
  })
})
