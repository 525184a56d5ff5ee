import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { call } from '../helpers/fake-idm/call.ts'
import { before as beforehand, type FakeIdm, rewriteRows } from '../helpers/fake-idm/fake-idm.ts'
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
    assert.deepEqual(change.edges, { kept: 1, missing: [`${ROLES}/legacy`], missingCount: 1, openCount: 0 })
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

  it('that the far side makes by a condition are left out on either side', async () => {
    await linkRoles(['sales', 'support', 'legacy'])
    const conditional = { _grantType: 'conditional' }
    one.seed(USERS, [user('a', { roles: [edge('sales', conditional), edge('support')] })])
    two.seed(USERS, [user('a', { roles: [edge('t-support', conditional), edge('t-sales')] })])
    const run = await recon()
    assert.deepEqual(rolesOf('a'), [`${ROLES}/t-sales`, `${ROLES}/t-support`])
    assert.deepEqual(run.fieldSummary, { conditional: { '/roles': 1 } })
    assert.deepEqual(lines(), [])
  })

  it('carry the named properties of their edges along, and are written again when one differs', async () => {
    const own = [...plain, via('roles', 'roles', { properties: ['note'] })]
    await stage.configure([{ ...MAPPING, properties: own }, roleMapping])
    await linkRoles()
    one.seed(USERS, [user('a', { roles: [edge('sales', { note: 'x', other: 1 }), edge('support')] }), user('b')])
    two.seed(USERS, [user('a', { roles: [edge('t-sales', { note: 'y' }), edge('t-support', { other: 2 })] })])
    await recon()
    const body = stage.writes().find(([line]) => line === `PATCH ${USERS}/a`)?.[1] as JsonObject[]
    assert.deepEqual(
      body.map(({ operation, field }) => [operation, field]),
      [
        ['remove', '/roles'],
        ['add', '/roles/-'],
      ],
    )
    assert.deepEqual(body[1]?.value, { _ref: `${ROLES}/t-sales`, _refProperties: { note: 'x' } })
    assert.deepEqual(rolesOf('a'), [`${ROLES}/t-sales`, `${ROLES}/t-support`])
    await noWrites()
  })

  const withoutField = (idm: FakeIdm, name: string) =>
    idm.intercept(
      `GET ${USERS}*`,
      rewriteRows((row) => without(row, name)),
    )

  it('are left alone where one side does not show them', async () => {
    await linkRoles()
    one.seed(USERS, [user('a', { roles: [edge('sales')] })])
    two.seed(USERS, [user('a', { roles: [edge('t-support')] })])
    for (const idm of [one, two]) {
      const hiding = withoutField(idm, 'roles')
      const run = await recon()
      hiding.remove()
      assert.deepEqual(run.fieldSummary, { notShown: { '/roles': 1 } })
      assert.deepEqual(lines(), [])
    }
  })

  it('of an object that lacks the field are none where others show it', async () => {
    await linkRoles()
    one.seed(USERS, [user('a', { roles: [] }), user('b', { roles: [edge('sales')] })])
    two.seed(USERS, [user('a', { roles: [edge('t-support')] }), user('b', { roles: [edge('t-sales')] })])
    one.intercept(
      `GET ${USERS}*`,
      rewriteRows((row) => (row._id === 'a' ? without(row, 'roles') : row)),
    )
    await recon()
    assert.deepEqual(rolesOf('a'), [])
  })

  it('that another client has added meanwhile are no conflict', async () => {
    await linkRoles()
    two.switches.revisions = 'none'
    one.seed(USERS, [user('a', { roles: [edge('sales'), edge('support')] })])
    two.seed(USERS, [user('a')])
    two.before(`PATCH ${USERS}/a`, () => two.seed(USERS, [user('a', { roles: [edge('t-sales')] })]))
    const run = await recon()
    assert.deepEqual(run.statusSummary, { SUCCESS: 1, FAILURE: 0 })
    assert.deepEqual(rolesOf('a'), [`${ROLES}/t-sales`, `${ROLES}/t-support`])
    assert.deepEqual(
      stage.writes().map(([, body]) => (body as JsonObject[]).length),
      [2, 1],
    )
  })

  it('are removed by their own path when the target ignores the removal', async () => {
    await linkRoles()
    two.switches.revisions = 'none'
    one.seed(USERS, [user('a', { roles: [] })])
    two.seed(USERS, [user('a', { roles: [edge('t-sales'), edge('t-other')] }), user('b')])
    // A manager moves the revisions of the edges, so that they are not as they were read.
    const report = { operation: 'add', field: '/reports/-', value: { _ref: `${USERS}/a` } }
    two.before(`PATCH ${USERS}/a`, () => call(two, `PATCH ${USERS}/b`, [report]))
    await recon()
    assert.deepEqual(rolesOf('a'), [`${ROLES}/t-other`])
    assert.match(lines().at(-1) ?? '', new RegExp(`^DELETE ${USERS}/a/roles/`))
  })

  it('to managers are set, changed and cleared; one that no link knows stays where the source has none', async () => {
    one.seed(
      USERS,
      ['a', 'b', 'c', 'x', 'y'].map((id) => user(id)),
    )
    two.seed(
      USERS,
      ['a', 'b', 'c', 'x', 'y', 'stranger'].map((id) => user(id)),
    )
    await recon('', { runTargetPhase: false })
    const manager = (id: string) => ({ manager: { _ref: `${USERS}/${id}` } })
    one.seed(USERS, [user('a', manager('x')), user('b', manager('y')), user('c', { manager: null })])
    two.seed(USERS, [user('a'), user('b', manager('x')), user('c', manager('x'))])
    two.seed(USERS, [user('x', manager('stranger')), user('y', manager('stranger'))])
    one.seed(USERS, [user('y', manager('unknown')), user('unknown')])
    stage.writes()
    const run = await recon('', { runTargetPhase: false })
    assert.deepEqual(['a', 'b', 'c', 'x', 'y'].map(managerOf), ['x', 'y', undefined, 'stranger', 'unknown'])
    assert.deepEqual(run.statusSummary, { SUCCESS: 7, FAILURE: 0 })
    stage.writes()
    await recon('', { runTargetPhase: false })
    assert.deepEqual(lines(), [])
  })

  it('move the revisions of each other without a second evaluation', async () => {
    const ids = Array.from({ length: 30 }, (_, index) => `u${index}`)
    for (const idm of [one, two])
      idm.seed(
        USERS,
        ids.map((id) => user(id)),
      )
    await recon()
    one.seed(
      USERS,
      ids.map((id, index) => user(id, { manager: { _ref: `${USERS}/u${(index + 1) % 30}` } })),
    )
    one.clearRequests()
    two.clearRequests()
    const run = await recon()
    assert.deepEqual(run.statusSummary, { SUCCESS: 30, FAILURE: 0 })
    assert.deepEqual(
      ids.map(managerOf),
      ids.map((_, index) => `u${(index + 1) % 30}`),
    )
    assert.ok(!one.requests.some(({ line }) => line.startsWith(`GET ${USERS}/`)), 'no source is read again')
  })

  it('of a manager get through although reports move the revision again and again', async () => {
    await linkRoles()
    const names = ['a', 'b', ...Array.from({ length: 12 }, (_, index) => `r${index}`)]
    for (const idm of [one, two])
      idm.seed(
        USERS,
        names.map((id) => user(id)),
      )
    await recon()
    const reports = [...names.slice(2)]
    const report = (id: string) => () => {
      const value = { _ref: `${USERS}/${id}` }
      return call(two, `PATCH ${USERS}/${reports.pop()}`, [{ operation: 'replace', field: '/manager', value }])
    }
    one.seed(USERS, [user('a', { roles: [edge('sales')] })])
    two.intercept(`PATCH ${USERS}/a`, beforehand(report('a')), { times: 4 })
    stage.writes()
    assert.deepEqual((await recon('&id=a')).statusSummary, { SUCCESS: 1, FAILURE: 0 })
    assert.deepEqual(rolesOf('a'), [`${ROLES}/t-sales`])
    const conditions = two.writes.filter(({ line }) => line === `PATCH ${USERS}/a`).map(({ ifMatch }) => ifMatch)
    assert.deepEqual(
      conditions.map((condition) => condition !== undefined),
      [true, true, true, false],
    )
    one.seed(USERS, [user('b', { manager: { _ref: `${USERS}/a` } })])
    two.intercept(`PATCH ${USERS}/b`, beforehand(report('b')), { times: 8 })
    one.clearRequests()
    assert.deepEqual((await recon('&id=b')).statusSummary, { SUCCESS: 1, FAILURE: 0 })
    assert.equal(managerOf('b'), 'a')
    assert.equal(one.requests.filter(({ line }) => line === `GET ${USERS}/b`).length, 1, 'it is evaluated once')
  })

  it('do not vanish in many targets without being allowed to', async () => {
    await linkRoles()
    const ids = Array.from({ length: 12 }, (_, index) => `u${index}`)
    one.seed(
      USERS,
      ids.map((id) => user(id, { roles: [edge('sales')] })),
    )
    await recon()
    stage.writes()
    one.seed(
      USERS,
      ids.map((id, index) => user(id, { roles: index < 6 ? [] : [edge('sales')] })),
    )
    const stopped = await stage.recon()
    assert.equal(stopped.state, 'FAILED')
    assert.match(String(stopped.stageDescription), /It would clear \/roles in 6 of 12 targets, more than maxClears/)
    assert.deepEqual(lines(), [])
    two.seed(
      USERS,
      ids.map((id) =>
        user(idOfTwo(id), { userName: id, sn: id.toUpperCase(), roles: [edge('t-sales'), edge('t-other')] }),
      ),
    )
    await recon()
    assert.equal(lines().length, 6)
  })

  it('are set by whole objects where the target is not patched', async () => {
    await stage.configure([{ ...MAPPING, properties, updateMethod: 'put' }, roleMapping])
    await linkRoles()
    one.seed(USERS, [user('a', { roles: [edge('sales')] })])
    two.seed(USERS, [user('a', { roles: [edge('t-other'), edge('t-support')] })])
    await recon()
    assert.deepEqual(rolesOf('a'), [`${ROLES}/t-other`, `${ROLES}/t-sales`])
    assert.deepEqual(lines(), [`PUT ${USERS}/a`])
    await noWrites()
  })

  for (const _fields of ['_id', 'userName,sn,mail,_id'])
    it(`are seen where the queries name ${_fields}`, async () => {
      const query = { _queryFilter: 'true', _fields }
      await stage.configure([{ ...MAPPING, properties, sourceQuery: query, targetQuery: query }, roleMapping])
      await linkRoles()
      one.seed(USERS, [user('a', { roles: [edge('sales')], mail: 'a', more: 1 }), user('b', { mail: 'b', more: 1 })])
      two.seed(USERS, [user('a', { roles: [edge('t-support')], mail: 'a', more: 1 })])
      await recon()
      assert.deepEqual(rolesOf('a'), [`${ROLES}/t-sales`])
      stage.writes()
      await noWrites()
    })

  it('apply under the condition of their property only', async () => {
    const own = [...plain, { ...via('roles', 'roles'), condition: '/object/sn eq "A"' }]
    await stage.configure([{ ...MAPPING, properties: own }, roleMapping])
    await linkRoles()
    one.seed(USERS, [user('a', { roles: [edge('sales')] }), user('b', { roles: [edge('sales')] })])
    await recon()
    assert.deepEqual([rolesOf('a'), rolesOf('b')], [[`${ROLES}/t-sales`], []])
    stage.writes()
    await noWrites()
  })

  it('are translated through a mapping in the other direction, and through several by collection', async () => {
    const back = { ...roleMapping, name: 'back', source: roleMapping.target ?? '', target: roleMapping.source ?? '' }
    const own = [...plain, via('roles', { [ROLES]: 'back' }), via('manager', { [USERS]: 'm' })]
    await stage.configure([{ ...MAPPING, properties: own }, back])
    assert.equal((await stage.recon('&id=t-sales', undefined, 'back')).state, 'SUCCESS')
    one.seed(USERS, [
      user('a', { roles: [edge('sales'), edge('support')], manager: { _ref: `${USERS}/b` } }),
      user('b'),
    ])
    const run = await recon()
    assert.deepEqual([rolesOf('a'), managerOf('a')], [[`${ROLES}/t-sales`], 'b'])
    assert.deepEqual(run.fieldSummary, { noCounterpart: { '/roles': 1 }, noCounterpartYet: { '/manager': 1 } })
  })
})

const without = ({ ...row }: JsonObject, name: string): JsonObject => {
  delete row[name]
  return row
}
