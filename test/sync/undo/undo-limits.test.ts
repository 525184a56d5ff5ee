import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { MAPPING, USERS } from '../fake-stage.ts'
import { told, undoStage } from './undo-stage.ts'

const user = (id: string, more: JsonObject = {}): JsonObject => ({ _id: id, userName: id, sn: `sn of ${id}`, ...more })
const POLICIES = [{ situation: 'UNASSIGNED', action: 'DELETE' }]
const ROLES = 'managed/role'

describe('what an undo names', () => {
  it('values that the target does not show', async () => {
    const properties = ['userName', 'sn', 'password'].map((name) => ({ source: name, target: name }))
    const { one, two, ...stage } = await undoStage({ mapping: { properties }, two: { writeOnly: ['password'] } })
    one.seed(USERS, [user('a', { password: 'Passw0rd' })])
    two.seed(USERS, [user('ta', { userName: 'a', sn: 'old' })])
    await stage.configure([{ ...MAPPING, properties: properties.map((one) => ({ ...one, writeOnFound: true })) }])
    const run = await stage.recon()
    const plan = await stage.planUndo(run)
    assert.deepEqual(plan.fieldSummary, { cannotComeBack: { '/password': 1 } })
    assert.match(told(await stage.rows(plan)).join(), /gets back \/sn; its link goes; cannot come back: \/password/)
    assert.ok(!JSON.stringify(await stage.rows(plan)).includes('Passw0rd'))
  })

  it('ids that the target chooses, and references that it refuses', async () => {
    const { one, two, ...stage } = await undoStage({ mapping: { policies: POLICIES }, two: { clientIds: 403 } })
    one.seed(USERS, [])
    one.seed(USERS, [user('a')])
    two.seed(ROLES, [{ _id: 'r', name: 'r' }])
    two.seed(USERS, [user('gone', { roles: [{ _ref: `${ROLES}/r` }] }), user('ta', { userName: 'a', sn: 'sn of a' })])
    const run = await stage.recon()
    two.delete(ROLES, 'r')
    const undone = await stage.undo(run)
    const [id = ''] = two.ids(USERS).filter((one) => one !== 'ta')
    assert.notEqual(id, 'gone')
    assert.equal(two.object(USERS, id)?.sn, 'sn of gone')
    const { cannotComeBack } = undone.fieldSummary as JsonObject
    assert.equal((cannotComeBack as JsonObject)['/_id'], 1)
  })

  it('writes of scripts', async () => {
    const onUpdate = { type: 'text/javascript', source: 'target.description = "by a script"' }
    const { one, two, ...stage } = await undoStage({ mapping: { onUpdate } })
    one.seed(USERS, [user('a')])
    two.seed(USERS, [user('ta', { userName: 'a', sn: 'old' })])
    const run = await stage.recon()
    assert.equal(two.object(USERS, 'ta')?.description, 'by a script')
    const plan = await stage.planUndo(run)
    assert.match(JSON.stringify(plan.warnings), /What scripts of the run wrote is not undone: onUpdate/)
    await stage.execute(plan)
    const { sn, description } = two.object(USERS, 'ta') ?? {}
    assert.deepEqual([sn, description ?? null], ['old', null])
  })
})

describe('relationships of an undo', () => {
  it('come back with a deleted object, and edges with their object', async () => {
    const { one, two, ...stage } = await undoStage({ mapping: { policies: POLICIES } })
    one.seed(USERS, [user('a')])
    two.seed(ROLES, [{ _id: 'r', name: 'r' }])
    two.seed(USERS, [
      user('boss'),
      user('gone', { roles: [{ _ref: `${ROLES}/r` }], manager: { _ref: `${USERS}/boss` } }),
    ])
    await stage.configure([
      { ...MAPPING, policies: POLICIES, validTarget: { type: 'text/javascript', source: 'target._id === "gone"' } },
    ])
    const run = await stage.recon('', { maxDeletes: '100%' })
    assert.equal(two.object(USERS, 'gone'), undefined, JSON.stringify(await stage.rows(run)))
    await stage.undo(run)
    assert.deepEqual(
      [two.refs(USERS, 'gone', 'roles'), two.refs(USERS, 'gone', 'manager')],
      [[`${ROLES}/r`], [`${USERS}/boss`]],
    )
  })
})

describe('a run that cannot be undone', () => {
  const refusal = async (stage: Awaited<ReturnType<typeof undoStage>>, run: JsonObject) => {
    const { status, json } = await stage.post(`/recon/${String(run._id)}?_action=undo`)
    return `${status} ${String(json.message)}`
  }

  it('kept nothing', async () => {
    const stage = await undoStage({ mapping: { keepBefore: false } })
    stage.one.seed(USERS, [user('a')])
    assert.match(await refusal(stage, await stage.recon()), /^409 .* cannot be undone: it ran with "keepBefore": false/)
  })

  it('is a plan', async () => {
    const stage = await undoStage()
    stage.one.seed(USERS, [user('a')])
    assert.match(await refusal(stage, await stage.recon('&analyze=true')), /^409 .* is a plan and has written nothing/)
  })

  it('had another target, or its mapping is gone', async () => {
    const stage = await undoStage()
    stage.one.seed(USERS, [user('a')])
    const run = await stage.recon()
    await stage.configure([{ ...MAPPING, target: 'external/idm/two/managed/role' }])
    assert.match(await refusal(stage, run), /^409 The target, the source or the links of m are others than when it ran/)
    await stage.configure([])
    assert.match(await refusal(stage, run), /^409 The mapping m is not configured any more/)
  })

  it('waits for approval like any other plan', async () => {
    const stage = await undoStage()
    stage.one.seed(USERS, [user('a')])
    const run = await stage.recon()
    await stage.configure([{ ...MAPPING, requireApproval: true }])
    const plan = await stage.planUndo(run, 1)
    assert.equal((await stage.get(`/recon/plan/${String(plan._id)}`)).state, 'WAITING')
    const path = `/recon/${String(plan._id)}?_action=`
    assert.equal((await stage.post(`${path}execute`)).status, 409)
    assert.equal((await stage.post(`${path}approve`)).status, 200)
    await stage.execute(plan)
    assert.deepEqual(stage.two.ids(USERS), [])
  })
})
