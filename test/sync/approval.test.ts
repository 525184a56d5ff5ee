import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { mappingSchema } from '../../lib/sync/mapping/mapping.ts'
import { planState } from '../../lib/sync/runs/approval.ts'
import { USERS } from './fake-stage.ts'
import { planStage, user, users } from './plan-stage.ts'

const APPROVED = { requireApproval: true }
const DELETE_ORPHANS = [{ situation: 'UNASSIGNED', action: 'DELETE' }]

const sum = (plan: JsonObject, name: string): number =>
  (plan.counts as JsonObject[]).reduce((total, count) => total + Number(count[name]), 0)

describe('a plan and its approval', () => {
  it('says who made it, until when it is valid, and who approves and carries it out', async () => {
    const stage = await planStage({ mapping: { planValidFor: '2 days' } })
    stage.one.seed(USERS, users(3))
    const id = await stage.analyze()
    const made = await stage.plan(id)
    assert.deepEqual(
      [made.mapping, made.state, made.madeBy, made.requiresApproval, made.approval, made.executions],
      ['m', 'OPEN', 'openidm-admin', false, null, []],
    )
    assert.match(String(made.digest), /^[0-9a-f]{64}$/)
    const days = (Date.parse(String(made.validUntil)) - Date.parse(String(made.madeAt))) / 86_400_000
    assert.ok(Math.abs(days - 2) < 0.01, String(days))
    const { status, json } = await stage.post(`/recon/${id}?_action=approve`, undefined, 'operator')
    assert.deepEqual([status, json.state, (json.approval as JsonObject).by], [200, 'APPROVED', 'operator'])
    const run = await stage.execute(id)
    assert.deepEqual([run.startedBy, (run.approval as JsonObject).by], ['openidm-admin', 'operator'])
    const { state, approval, executions } = await stage.plan(id)
    const [execution] = executions as JsonObject[]
    const { at, ...done } = execution ?? {}
    assert.deepEqual([state, (approval as JsonObject).by], ['EXECUTED', 'operator'])
    assert.deepEqual(done, { run: run._id, by: 'openidm-admin', only: null, limit: null, count: 3 })
    assert.ok(!Number.isNaN(Date.parse(String(at))))
    assert.equal(
      await stage.refused(stage.post(`/recon/${id}?_action=execute`)),
      '409 The plan was carried out already: make another plan',
    )
    assert.equal(
      await stage.refused(stage.post(`/recon/${id}?_action=approve`)),
      '409 The plan was carried out already: make another plan',
    )
  })

  it('is needed where the mapping requires it: a run that was to write makes a plan that waits', async () => {
    const stage = await planStage({ mapping: APPROVED })
    stage.one.seed(USERS, users(2))
    const { json } = await stage.post('/recon?_action=recon&mapping=m&waitForCompletion=true', {}, 'operator')
    assert.deepEqual([json.state, json.waitsForApproval], ['SUCCESS', true])
    assert.deepEqual(stage.writes(), [])
    const id = String(json._id)
    assert.equal((await stage.get(`/recon/${id}`)).waitsForApproval, true)
    const { state, madeBy, requiresApproval } = await stage.plan(id)
    assert.deepEqual([state, madeBy, requiresApproval], ['WAITING', 'operator', true])
    assert.equal(
      await stage.refused(stage.post(`/recon/${id}?_action=execute`)),
      `409 The mapping m has requireApproval: approve the plan first (recon approve ${id}, or recon/${id}?_action=approve)`,
    )
    assert.equal((await stage.post(`/recon/${id}?_action=approve`, undefined, 'operator')).status, 200)
    assert.equal((await stage.get(`/recon/${id}`)).waitsForApproval, undefined)
    await stage.execute(id)
    assert.equal(stage.two.ids(USERS).length, 2)
  })

  it('counts for reconById, and an action on one pair is refused', async () => {
    const stage = await planStage({ mapping: APPROVED })
    stage.one.seed(USERS, users(2))
    const run = await stage.recon('&id=u0001')
    assert.deepEqual([run.waitsForApproval, (await stage.plan(String(run._id))).state], [true, 'WAITING'])
    const pair = '/sync?_action=performAction&mapping=m&action=CREATE&sourceId=u0001'
    assert.match(await stage.refused(stage.post(pair)), /^409 The mapping m has requireApproval: an action on one pair/)
    assert.deepEqual(stage.two.ids(USERS), [])
  })

  it('comes from somebody else where approverMustDiffer says so, whatever name they sign in with', async () => {
    const stage = await planStage({ mapping: { ...APPROVED, approverMustDiffer: true } })
    stage.one.seed(USERS, users(2))
    const id = await stage.analyze()
    assert.equal(
      await stage.refused(stage.post(`/recon/${id}?_action=approve`)),
      '409 The mapping m has approverMustDiffer: openidm-admin has made the plan and cannot approve it',
    )
    const inside = stage.gateway.gateway.connection.action(`recon/${id}`, 'approve')
    await assert.rejects(inside, /approve over REST with a login of your own/)
    assert.equal((await stage.plan(id)).approval, null)
    assert.equal((await stage.post(`/recon/${id}?_action=approve`, undefined, 'operator')).status, 200)
  })

  it('ends with the time that planValidFor gives', async () => {
    const stage = await planStage({ mapping: { planValidFor: 'zero' } })
    stage.one.seed(USERS, users(2))
    const id = await stage.analyze()
    assert.equal((await stage.plan(id)).state, 'EXPIRED')
    for (const action of ['approve', 'execute'])
      assert.match(
        await stage.refused(stage.post(`/recon/${id}?_action=${action}`)),
        /^409 The plan expired at \S+ \(planValidFor of m\): make another plan$/,
      )
  })

  it('is not there for other runs', async () => {
    const stage = await planStage()
    stage.one.seed(USERS, users(1))
    const run = await stage.recon()
    assert.deepEqual(
      [
        (await stage.plan(String(run._id))).state,
        await stage.refused(stage.post(`/recon/${String(run._id)}?_action=approve`)),
      ],
      [
        null,
        '409 Only a successful analysis with persistAssociations, or a run with deferred rows, can be carried out',
      ],
    )
    assert.match(await stage.refused(stage.post(`/recon/${String(run._id)}?_action=forget`)), /actions approve, cancel/)
  })

  it('was made by a command where nobody is signed in', async () => {
    const stage = await planStage()
    stage.one.seed(USERS, users(1))
    const params = { mapping: 'm', waitForCompletion: true, analyze: true, persistAssociations: true }
    const run = await stage.gateway.gateway.connection.action('recon', 'recon', null, params)
    assert.equal((await stage.plan(String((run as JsonObject)._id))).madeBy, 'command')
  })

  it('takes durations of more than 24 days, and nothing else', () => {
    const valid = (planValidFor: unknown) =>
      mappingSchema.safeParse({ name: 'm', source: 'a', target: 'b', planValidFor }).data?.planValidFor
    assert.deepEqual([undefined, '30 days', 'unlimited', 'soon'].map(valid), [
      7 * 86_400_000,
      30 * 86_400_000,
      Number.POSITIVE_INFINITY,
      undefined,
    ])
  })

  it('has the first state that fits', () => {
    const record = {
      ...{ digest: { value: '', parts: {} }, author: { name: 'a', account: null }, overrides: {} },
      ...{ validUntil: null, approval: null, executions: [] },
    }
    const facts = { record, isOpen: true, changed: [], requiresApproval: true }
    const approval = { by: 'b', at: '' }
    const execution = { run: '', by: '', at: '', only: null, limit: null, count: 1, tally: { deletes: 0, cleared: {} } }
    const states = [
      facts,
      { ...facts, requiresApproval: false },
      { ...facts, record: { ...record, approval } },
      { ...facts, record: { ...record, approval, executions: [execution] } },
      { ...facts, changed: ['mapping m'], record: { ...record, approval, executions: [execution] } },
      { ...facts, changed: ['mapping m'], record: { ...record, validUntil: '2020-01-01T00:00:00Z' } },
      { ...facts, isOpen: false, record: { ...record, validUntil: '2020-01-01T00:00:00Z', executions: [execution] } },
      { ...facts, isOpen: false },
    ].map((one) => planState(one))
    assert.deepEqual(states, ['WAITING', 'OPEN', 'APPROVED', 'PARTLY', 'CHANGED', 'EXPIRED', 'EXECUTED', 'OPEN'])
  })
})

describe('a part of a plan', () => {
  it('is carried out, and the rest later', async () => {
    const stage = await planStage({ mapping: { policies: DELETE_ORPHANS, maxDeletes: '100%' } })
    stage.one.seed(USERS, users(2, 'old'))
    await stage.recon()
    for (const id of ['old0000', 'old0001']) stage.one.change(USERS, id, { sn: 'new' })
    stage.one.seed(USERS, users(5, 'new'))
    stage.two.seed(USERS, [user('orphan')])
    const id = await stage.analyze()
    stage.writes()
    const first = await stage.execute(id, { only: 'creates', limit: 2 })
    assert.deepEqual(await stage.outcomes(first), {
      new0000: 'ABSENT CREATE SUCCESS',
      new0001: 'ABSENT CREATE SUCCESS',
    })
    assert.deepEqual(stage.writes().length, 2)
    const partly = await stage.plan(id)
    assert.deepEqual([partly.state, sum(partly, 'count'), sum(partly, 'waiting')], ['PARTLY', 6, 6])
    await stage.execute(id, { only: ['updates', 'deletes'], maxDeletes: '100%' })
    assert.deepEqual(stage.two.ids(USERS).includes('orphan'), false)
    const rest = await stage.execute(id)
    assert.deepEqual(Object.keys(await stage.outcomes(rest)).sort(), ['new0002', 'new0003', 'new0004'])
    const { state, executions } = await stage.plan(id)
    assert.equal(state, 'EXECUTED')
    assert.deepEqual(
      (executions as JsonObject[]).map(({ only, limit, count }) => [only, limit, count]),
      [
        [['creates'], 2, 2],
        [['updates', 'deletes'], null, 3],
        [null, null, 3],
      ],
    )
    assert.equal(stage.two.ids(USERS).length, 7)
    assert.deepEqual((await stage.recon()).statusSummary, { SUCCESS: 7, FAILURE: 0 })
  })

  it('is named in messages when there is none, or the request is wrong', async () => {
    const stage = await planStage()
    stage.one.seed(USERS, users(1))
    const id = await stage.analyze()
    const execute = (body: JsonObject) => stage.refused(stage.post(`/recon/${id}?_action=execute`, body))
    assert.equal(await execute({ only: 'deletes' }), '409 Nothing is left to be carried out in the plan for deletes')
    assert.match(await execute({ only: 'all' }), /^400 only: must be one of "creates", "updates", "deletes", "links"/)
    assert.match(await execute({ limit: 0 }), /^400 limit: must be a whole number from 1 up/)
    assert.match(await execute({ sample: 3 }), /^400 The body knows /)
  })

  it('is stopped by the limits that hold for the plan: parts count together', async () => {
    const stage = await planStage({ mapping: { policies: DELETE_ORPHANS } })
    stage.one.seed(USERS, users(70))
    await stage.recon()
    stage.two.seed(USERS, users(30, 'x'))
    const id = await stage.analyze()
    const remaining = () => stage.two.ids(USERS).filter((name) => name.startsWith('x')).length
    assert.equal((await stage.execute(id, { only: 'deletes', limit: 15 })).state, 'SUCCESS')
    assert.equal(remaining(), 15)
    const second = await stage.execute(id, { only: 'deletes', limit: 15 })
    assert.deepEqual([second.state, remaining()], ['FAILED', 15])
    assert.match(String(second.stageDescription), /would delete 30 of 100 targets, more than maxDeletes/)
    const { state, executions } = await stage.plan(id)
    assert.deepEqual(
      [state, (executions as JsonObject[]).length, sum(await stage.plan(id), 'waiting')],
      ['PARTLY', 1, 15],
    )
    assert.equal((await stage.execute(id, { maxDeletes: 30 })).state, 'SUCCESS')
    assert.equal(remaining(), 0)
  })

  it('leaves deferred rows in the plan until their sources are assessed', async () => {
    const validSource = { type: 'text/javascript', source: 'if (source.sn === "bad") throw "no"; true' }
    const policies = [{ situation: 'UNASSIGNED', action: 'DELETE' }]
    const stage = await planStage({ mapping: { validSource, policies, maxDeletes: '100%' } })
    stage.one.seed(USERS, [user('a'), user('b', { sn: 'bad' })])
    stage.two.seed(USERS, [user('orphan')])
    const id = await stage.analyze()
    await stage.execute(id, { only: ['creates'] })
    const execute = (body: JsonObject) => stage.refused(stage.post(`/recon/${id}?_action=execute`, body))
    assert.equal(await execute({ only: 'deletes' }), '409 Nothing is left to be carried out in the plan for deletes')
    assert.deepEqual([stage.two.ids(USERS).includes('orphan'), sum(await stage.plan(id), 'deferred')], [true, 1])
    const run = await stage.execute(id, { only: 'deletes', acceptUnassessed: true, maxDeletes: '100%' })
    assert.deepEqual(
      [run.acceptedUnassessed, stage.two.ids(USERS).includes('orphan')],
      [{ by: 'openidm-admin' }, false],
    )
  })
})
