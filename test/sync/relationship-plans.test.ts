import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { startGateway } from '../gateway/parts.ts'
import { call } from '../helpers/fake-idm/call.ts'
import { busy, held } from '../helpers/fake-idm/fake-idm.ts'
import { writeFiles } from '../helpers/files.ts'
import { blocksFor } from '../helpers/markdown.ts'
import { until } from '../helpers/until.ts'
import { typed } from './command-stage.ts'
import { type FakeStage, fakeStage, MAPPING, USERS } from './fake-stage.ts'

const ROLES = 'managed/role'
const roles: JsonObject = {
  name: 'roles',
  source: `external/idm/one/${ROLES}`,
  target: `external/idm/two/${ROLES}`,
  properties: [{ source: 'name', target: 'name' }],
  correlationQuery: { linkQualifier: 'default', expressionTree: { any: ['name'] } },
}
const via = (field: string, mapping: string, more: JsonObject = {}): JsonObject => ({
  ...{ source: field, target: field },
  relationship: { mapping, ...more },
})
const properties = [...((MAPPING.properties ?? []) as Json[]), via('roles', 'roles'), via('manager', 'm')]
const edge = (id: string) => ({ _ref: `${ROLES}/${id}` })
const user = (id: string, more: JsonObject = {}) => ({ _id: id, userName: id, sn: id.toUpperCase(), ...more })

describe('plans with relationships', () => {
  let stage: FakeStage

  beforeEach(async () => {
    stage = await fakeStage({ mapping: { properties }, more: [roles] })
    const { one, two } = stage
    for (const idm of [one, two])
      idm.seed(
        ROLES,
        ['Sales', 'Support'].map((id) => ({ _id: id, name: id })),
      )
    await stage.recon('', undefined, 'roles')
    one.seed(ROLES, [{ _id: 'Legacy', name: 'Legacy' }])
    one.seed(USERS, [user('a', { roles: [edge('Sales'), edge('Legacy')], manager: { _ref: `${USERS}/b` } }), user('b')])
    two.seed(USERS, [user('a', { roles: [edge('Support')] })])
    stage.writes()
  })

  const dryRun = () => stage.recon('&analyze=true')
  const execute = async (plan: JsonObject) => {
    const path = `/recon/${String(plan._id)}?_action=execute&waitForCompletion=true`
    const { json, status } = await stage.gateway.call(path, { method: 'POST' })
    assert.equal(status, 200)
    const { json: run } = await stage.gateway.call(`/recon/${String((json as JsonObject)._id)}`)
    return run as JsonObject
  }

  it('read as what comes, what goes, and what has no counterpart', async () => {
    const { stdout } = await typed(stage.gateway.url, ['m', '--dry-run'])
    const [block] = blocksFor('edges')
    assert.ok(stdout.includes(`      ${block?.text.trim()}\n`), stdout)
    assert.match(
      stdout,
      /^ {6}roles: \+ Sales, − Support \(no counterpart: Legacy\)\n {6}manager: no counterpart yet: b$/m,
    )
    assert.match(stdout, /^Left out, since the other object has no counterpart: \/roles \(1\)$/m)
    assert.deepEqual(stage.writes(), [])
  })

  it('warn of nothing where edges are only left out', async () => {
    const { one, two } = stage
    const ids = ['a', 'b', 'c']
    for (const idm of [one, two])
      idm.seed(
        USERS,
        ids.map((id) => user(id)),
      )
    await stage.recon()
    one.seed(
      USERS,
      ids.map((id) => user(id, { manager: { _ref: `${USERS}/nobody` } })),
    )
    const { stdout } = await typed(stage.gateway.url, ['m', '--dry-run'])
    assert.match(stdout, /^ {2}3 {2}CONFIRMED {2}unchanged$/m)
    assert.match(stdout, /had no counterpart when the plan was made: \/manager \(3\)/)
    assert.doesNotMatch(stdout, /WARNING/)
  })

  it('call objects by their names, where these can be read', async () => {
    stage.two.change(ROLES, 'Sales', { name: 'Sales people' })
    stage.one.change(ROLES, 'Legacy', { name: 'Old role' })
    const named = await typed(stage.gateway.url, ['m', '--dry-run'])
    assert.match(named.stdout, /^ {6}roles: \+ Sales people, − Support \(no counterpart: Old role\)$/m)
    stage.two.intercept(`GET ${ROLES}/*`, busy(503))
    const unnamed = await typed(stage.gateway.url, ['m', '--dry-run'])
    assert.match(unnamed.stdout, /^ {6}roles: \+ Sales, − Support \(no counterpart: Old role\)$/m)
  })

  it('are carried out as they are, and then what leads to objects that they have created', async () => {
    const run = await execute(await dryRun())
    assert.equal(run.state, 'SUCCESS')
    assert.deepEqual(run.statusSummary, { SUCCESS: 3, FAILURE: 0 })
    assert.deepEqual(stage.two.refs(USERS, 'a', 'roles'), [`${ROLES}/Sales`])
    const b = stage.two.ids(USERS).find((id) => id !== 'a')
    assert.deepEqual(stage.two.refs(USERS, 'a', 'manager'), [`${USERS}/${b}`])
    stage.writes()
    await stage.recon()
    assert.deepEqual(stage.writes(), [])
  })

  it('skip an object whose edges have changed since, at either side', async () => {
    const { one, two } = stage
    const plan = await dryRun()
    two.seed(USERS, [user('a', { roles: [edge('Support'), edge('Sales')] })])
    const first = await execute(plan)
    assert.equal((first.statusSummary as JsonObject).SUCCESS, 1)
    assert.deepEqual(two.refs(USERS, 'a', 'roles').sort(), [`${ROLES}/Sales`, `${ROLES}/Support`])
    const again = await dryRun()
    one.seed(USERS, [user('a', { roles: [edge('Sales'), edge('Support')] })])
    await execute(again)
    assert.deepEqual(two.refs(USERS, 'a', 'roles').sort(), [`${ROLES}/Sales`, `${ROLES}/Support`])
  })

  it('take what another client has added meanwhile for done', async () => {
    const { two } = stage
    const plan = await dryRun()
    two.switches.revisions = 'none'
    const add = { operation: 'add', field: '/roles/-', value: edge('Sales') }
    two.before(`PATCH ${USERS}/a`, () => call(two, `PATCH ${USERS}/a`, [add]))
    const run = await execute(plan)
    assert.deepEqual(run.statusSummary, { SUCCESS: 3, FAILURE: 0 })
    assert.deepEqual(two.refs(USERS, 'a', 'roles'), [`${ROLES}/Sales`])
  })

  it('are carried out although a counterpart has come into being since, and what leads to it follows', async () => {
    const { one, two } = stage
    two.seed(USERS, [user('b')])
    one.seed(USERS, [user('c')])
    const plan = await dryRun()
    await stage.recon('&id=b')
    await execute(plan)
    assert.deepEqual(two.refs(USERS, 'a', 'roles'), [`${ROLES}/Sales`])
    assert.deepEqual(two.refs(USERS, 'a', 'manager'), [`${USERS}/b`])
  })

  it('go on where they were interrupted', async () => {
    const { one, two, gateway } = stage
    const ids = Array.from({ length: 20 }, (_, index) => `u${index}`)
    for (const idm of [one, two])
      idm.seed(
        USERS,
        ids.slice(0, 10).map((id) => user(id)),
      )
    await stage.recon()
    const relations = (index: number) => ({
      roles: [edge('Sales')],
      manager: { _ref: `${USERS}/u${(index + 1) % 20}` },
    })
    one.seed(
      USERS,
      ids.map((id, index) => user(id, relations(index))),
    )
    stage.writes()
    const hold = held()
    const interception = two.intercept(({ isWrite }) => isWrite && two.writes.length > 8, hold)
    const { json } = await gateway.call('/recon?_action=recon&mapping=m', { method: 'POST' })
    const id = String((json as JsonObject)._id)
    await until(() => hold.waiting > 0, 'a write is under way')
    const stopped = gateway.gateway.stop()
    hold.release()
    interception.remove()
    await stopped
    const { call } = await startGateway({ project: gateway.project, plugins: [packageRoot] })
    const resumed = await call(`/recon/${id}?_action=resume&waitForCompletion=true`, { method: 'POST' })
    assert.deepEqual(resumed.json, { _id: id, state: 'SUCCESS' })
    const { statusSummary } = (await call(`/recon/${id}`)).json as JsonObject
    const { result } = (await call(`/recon/plan/${id}/entry?_queryFilter=!(status+eq+"SUCCESS")`)).json as JsonObject
    assert.deepEqual(result, [], JSON.stringify(statusSummary))
    const name = (reference = '') => two.object(USERS, reference.slice(USERS.length + 1))?.userName
    for (const [index, userName] of ids.entries()) {
      const own = String(two.objects(USERS).find((one) => one.userName === userName)?._id)
      assert.deepEqual(two.refs(USERS, own, 'roles'), [`${ROLES}/Sales`], userName)
      assert.equal(name(two.refs(USERS, own, 'manager')[0]), `u${(index + 1) % 20}`, userName)
    }
  })

  it('count in a verification', async () => {
    const { json } = await stage.gateway.call('/recon?_action=verify&mapping=m&waitForCompletion=true', {
      method: 'POST',
    })
    const id = String((json as JsonObject)._id)
    const read = async () => (await stage.gateway.call(`/recon/${id}`)).json as JsonObject
    await until(async () => (await read()).state !== 'ACTIVE')
    const { verification } = await read()
    assert.deepEqual((verification as JsonObject).fields, { '/roles': 1 })
  })

  it('need a mapping that may come later than the one that names it', async () => {
    const { gateway } = stage
    const error = async () => ((await gateway.call('/sync/mappings/late')).json as JsonObject).error
    const late = { ...MAPPING, name: 'late', properties: [via('roles', 'more')] }
    await writeFiles(gateway.project.conf, { 'sync.json': { mappings: [late] } })
    await until(async () => (await error()) !== undefined)
    assert.match(
      String(await error()),
      /sync\.json: mappings\.0: mapping late: properties\.0\.relationship\.mapping: there is no mapping "more"$/,
    )
    const { name: _, ...unnamed } = roles
    await writeFiles(gateway.project.conf, { 'mapping-more.json': unnamed })
    await until(async () => (await error()) === undefined)
    const both = { ...unnamed, properties: [via('members', 'late')] }
    const { status, text } = await gateway.call('/config/mapping/more', { method: 'PUT', json: both })
    assert.equal(status, 400)
    assert.match(text, /members is the other end of roles, which mapping late carries over/)
  })
})
