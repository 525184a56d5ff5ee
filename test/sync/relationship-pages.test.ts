import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { call } from '../helpers/fake-idm/call.ts'
import { type FakeStage, fakeStage, MAPPING, USERS } from './fake-stage.ts'

const ROLES = 'managed/role'
const roles: JsonObject = {
  name: 'roles',
  source: `external/idm/one/${ROLES}`,
  target: `external/idm/two/${ROLES}`,
  properties: [
    { source: 'name', target: 'name' },
    { source: 'members', target: 'members', relationship: { mapping: 'm', paged: true } },
  ],
  correlationQuery: { linkQualifier: 'default', expressionTree: { any: ['name'] } },
}
const COUNT = 1500
const ids = Array.from({ length: COUNT }, (_, index) => `u${index}`)
const edges = (list: readonly string[]) => list.map((id) => ({ _ref: `${USERS}/${id}` }))

describe('relationships that are read page by page', () => {
  let stage: FakeStage

  beforeEach(async () => {
    stage = await fakeStage({ mapping: MAPPING, more: [roles] })
    const { one, two } = stage
    for (const idm of [one, two])
      idm.seed(
        USERS,
        ids.map((id) => ({ _id: id, userName: id, sn: id })),
      )
    await stage.recon()
    one.seed(ROLES, [{ _id: 'r', name: 'Sales', members: edges(ids) }])
    stage.writes()
    one.clearRequests()
  })

  const recon = async () => {
    const run = await stage.recon('', undefined, 'roles')
    assert.deepEqual(run.statusSummary, { SUCCESS: 1, FAILURE: 0 }, JSON.stringify(run))
  }
  const members = () => {
    const [id = ''] = stage.two.ids(ROLES)
    return stage.two.refs(ROLES, id, 'members').map((reference) => reference.slice(USERS.length + 1))
  }

  it('come to a new object in as few requests as their number needs, and are as they should be then', async () => {
    await recon()
    assert.deepEqual(new Set(members()), new Set(ids))
    assert.deepEqual(
      stage.writes().map(([line, body]) => [line.split(' ')[0], Array.isArray(body) ? body.length : 0]),
      [
        ['PUT', 0],
        ['PATCH', 500],
        ['PATCH', 500],
        ['PATCH', 500],
      ],
    )
    assert.ok(stage.one.requests.every(({ query }) => !String(query._fields).includes('members')))
    await recon()
    assert.deepEqual(stage.writes(), [])
  })

  it('are compared whichever side is the smaller, and a few differences cost a few requests', async () => {
    const { two } = stage
    two.seed(USERS, [{ _id: 'stranger', userName: 'stranger' }])
    two.seed(ROLES, [{ _id: 't', name: 'Sales', members: edges(['u1', 'u2', 'stranger']) }])
    await recon()
    assert.equal(stage.writes().length, 3)
    assert.deepEqual(new Set(members()), new Set([...ids, 'stranger']))
    stage.one.seed(ROLES, [{ _id: 'r', name: 'Sales', members: edges(ids.slice(3)) }])
    await recon()
    assert.deepEqual(new Set(members()), new Set([...ids.slice(3), 'stranger']))
    const lines = stage.writes().map(([line]) => line.split('/').slice(0, -1).join('/'))
    assert.deepEqual(
      lines,
      Array.from({ length: 3 }, () => `DELETE ${ROLES}/t/members`),
    )
  })

  it('that another client has added meanwhile are no conflict', async () => {
    const { two } = stage
    two.seed(ROLES, [{ _id: 't', name: 'Sales' }])
    const add = { operation: 'add', field: '/members/-', value: { _ref: `${USERS}/u7` } }
    two.before(`PATCH ${ROLES}/t`, () => call(two, `PATCH ${ROLES}/t`, [add]))
    await recon()
    assert.deepEqual(new Set(members()), new Set(ids))
  })
})
