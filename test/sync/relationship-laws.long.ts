/** Random graphs on both sides: `SYNC_LAW_CASES=500` runs more of them, `SYNC_LAW_SEED` the same ones again. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { JsonObject } from '../../lib/contract.ts'
import { type FakeStage, fakeStage, MAPPING, USERS } from './fake-stage.ts'

const CASES = Number(process.env.SYNC_LAW_CASES ?? 20)
const SEED = process.env.SYNC_LAW_SEED === undefined ? {} : { seed: Number(process.env.SYNC_LAW_SEED) }

const ROLES = 'managed/role'
/** The first are linked, the next are at their own side only. */
const LINKED = ['r0', 'r1', 'r2']
const ALL = [...LINKED, 'x0', 'x1']
/** The first are at both sides, the next at the source only. */
const PAIRS = ['u0', 'u1', 'u2']
const USERS_OF_ONE = [...PAIRS, 'n0', 'n1', 'n2']

type Edges = Readonly<Record<string, boolean>>

/** Whether each is conditional, by the role. */
const edges: fc.Arbitrary<Edges> = fc.dictionary(fc.constantFrom(...ALL), fc.boolean(), { maxKeys: 4 })
const graph = fc.record({
  roles: fc.record(Object.fromEntries(USERS_OF_ONE.map((id) => [id, edges]))),
  managers: fc.record(
    Object.fromEntries(
      USERS_OF_ONE.map((id) => [id, fc.option(fc.constantFrom(...USERS_OF_ONE, 'ghost'), { nil: undefined })]),
    ),
  ),
  rolesOfTwo: fc.record(Object.fromEntries(PAIRS.map((id) => [id, edges]))),
  managersOfTwo: fc.record(
    Object.fromEntries(PAIRS.map((id) => [id, fc.option(fc.constantFrom(...PAIRS, 'stranger'), { nil: undefined })])),
  ),
  revisions: fc.constantFrom('counter', 'opaque', 'none' as const),
  isPut: fc.boolean(),
})
type Graph = typeof graph extends fc.Arbitrary<infer T> ? T : never

const fieldsOf = (roles: Edges, manager: string | undefined, prefix: string): JsonObject => ({
  roles: Object.entries(roles).map(([id, isConditional]) => ({
    _ref: `${ROLES}/${prefix}${id}`,
    _refProperties: { _grantType: isConditional ? 'conditional' : '' },
  })),
  manager: manager === undefined ? null : { _ref: `${USERS}/${manager}` },
})

/** What the edges of a user of the target are to be after one run. */
function expected({ roles, managers, rolesOfTwo, managersOfTwo }: Graph, id: string) {
  const own = roles[id] ?? {}
  const before = rolesOfTwo[id] ?? {}
  const wanted = LINKED.filter((role) => own[role] === false)
  const kept = Object.keys(before).filter((role) => before[role] || !LINKED.includes(role) || role in own)
  const [manager, last] = [managers[id], managersOfTwo[id]]
  const isStranger = last === 'stranger'
  const kepts = manager === 'ghost' || (manager === undefined && isStranger) ? last : undefined
  return {
    roles: [...new Set([...wanted, ...kept])].map((role) => `${ROLES}/t-${role}`).sort(),
    manager: manager !== undefined && manager !== 'ghost' ? manager : kepts,
  }
}

describe('random relationships', function () {
  this.timeout(3_600_000)

  it('are those of the source afterwards, with what no link knows; a second run writes nothing', async () => {
    const stage = await fakeStage()
    let count = 0
    const law = fc.asyncProperty(graph, async (drawn) => {
      count += 1
      await check(stage, drawn, `m${count}`, `r${count}`)
    })
    await fc.assert(law, { numRuns: CASES, ...SEED })
  })
})

async function check(stage: FakeStage, drawn: Graph, users: string, roles: string): Promise<void> {
  const { one, two } = stage
  for (const idm of [one, two]) idm.reset()
  two.switches.revisions = drawn.revisions
  const named = { ...MAPPING, name: roles, properties: [{ source: 'userName', target: 'userName' }] }
  const roleMapping = { ...named, source: `external/idm/one/${ROLES}`, target: `external/idm/two/${ROLES}` }
  const userMapping = { ...MAPPING, name: users, ...(drawn.isPut && { updateMethod: 'put' }) }
  for (const id of LINKED) {
    one.seed(ROLES, [{ _id: id, userName: id }])
    two.seed(ROLES, [{ _id: `t-${id}`, userName: id }])
  }
  for (const id of PAIRS) for (const idm of [one, two]) idm.seed(USERS, [{ _id: id, userName: id }])
  await stage.configure([userMapping, roleMapping])
  for (const name of [users, roles]) assert.equal((await stage.recon('', undefined, name)).state, 'SUCCESS')

  for (const id of ['x0', 'x1']) {
    one.seed(ROLES, [{ _id: id, userName: id }])
    two.seed(ROLES, [{ _id: `t-${id}`, userName: id }])
  }
  two.seed(USERS, [{ _id: 'stranger', userName: 'stranger' }])
  for (const id of PAIRS)
    two.seed(USERS, [{ _id: id, userName: id, ...fieldsOf(drawn.rolesOfTwo[id] ?? {}, drawn.managersOfTwo[id], 't-') }])
  for (const id of USERS_OF_ONE)
    one.seed(USERS, [{ _id: id, userName: id, ...fieldsOf(drawn.roles[id] ?? {}, drawn.managers[id], '') }])
  const relations = [
    ['roles', roles],
    ['manager', users],
  ].map(([field = '', mapping = '']) => ({ source: field, target: field, relationship: { mapping } }))
  await stage.configure([
    { ...userMapping, properties: [...(MAPPING.properties as JsonObject[]), ...relations] },
    roleMapping,
  ])
  const allowed = { maxClears: '100%', runTargetPhase: false }
  const run = await stage.recon('', allowed, users)
  assert.equal(run.state, 'SUCCESS', JSON.stringify(run))
  assert.equal((run.statusSummary as JsonObject).FAILURE, 0, JSON.stringify(await stage.rows(run)))

  const idOf = (userName: string) => String(two.objects(USERS).find((own) => own.userName === userName)?._id)
  const nameOf = (reference: string | undefined) => {
    const own = reference === undefined ? undefined : two.object(USERS, reference.slice(USERS.length + 1))
    return own === undefined ? undefined : String(own.userName)
  }
  for (const id of USERS_OF_ONE) {
    const [manager] = two.refs(USERS, idOf(id), 'manager')
    const found = { roles: two.refs(USERS, idOf(id), 'roles').sort(), manager: nameOf(manager) }
    assert.deepEqual(found, expected(drawn, id), id)
  }
  stage.writes()
  assert.equal((await stage.recon('', allowed, users)).state, 'SUCCESS')
  assert.deepEqual(stage.writes(), [])
}
