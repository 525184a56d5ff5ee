import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { USERS } from './fake-stage.ts'
import { type PlanStage, planStage, user, users } from './plan-stage.ts'

const verify = async (stage: PlanStage, body?: JsonObject) => {
  const { status, json } = await stage.post('/recon?_action=verify&mapping=m&waitForCompletion=true', body)
  assert.equal(status, 200, JSON.stringify(json))
  return stage.get(`/recon/${String(json._id)}`)
}

const NOTHING = {
  ...{ linked: 0, matching: 0, differing: 0, missingTargets: 0, unlinked: 0, unexpectedTargets: 0 },
  ...{ ambiguous: 0, failed: 0, fields: {} },
}

describe('recon?_action=verify', () => {
  it('counts how far both sides agree, and writes nothing', async () => {
    const stage = await planStage()
    stage.one.seed(USERS, users(6))
    await stage.recon()
    const target = (name: string) => String(stage.two.objects(USERS).find(({ userName }) => userName === name)?._id)
    stage.two.change(USERS, target('u0000'), { sn: 'x', userName: 'y' })
    stage.two.change(USERS, target('u0001'), { sn: 'x' })
    stage.two.delete(USERS, target('u0002'))
    stage.one.delete(USERS, 'u0003')
    stage.one.seed(USERS, [user('found'), user('absent'), user('twice')])
    stage.two.seed(USERS, [
      user('found'),
      user('orphan'),
      user('t1', { userName: 'twice' }),
      user('t2', { userName: 'twice' }),
    ])
    stage.writes()
    const run = await verify(stage)
    assert.deepEqual(run.verification, {
      ...{ sources: 8, targets: 9, linked: 4, matching: 3, differing: 2, missingTargets: 2, unlinked: 1 },
      ...{ unexpectedTargets: 2, ambiguous: 1, failed: 0, fields: { '/sn': 2, '/userName': 1 } },
    })
    assert.deepEqual(stage.writes(), [])
    assert.deepEqual([run.state, run.startedBy], ['SUCCESS', 'openidm-admin'])
    const plan = await stage.plan(String(run._id))
    assert.deepEqual([plan.state, plan.digest], [null, null])
    assert.match(await stage.refused(stage.post(`/recon/${String(run._id)}?_action=execute`)), /^409 Only a successful/)
  })

  it('compares whatever the policies say, and says what failed', async () => {
    const policies = ['CONFIRMED', 'FOUND', 'ABSENT'].map((situation) => ({ situation, action: 'IGNORE' }))
    const validSource = { type: 'text/javascript', source: 'if (source.sn === "bad") throw "no"; source.sn !== "out"' }
    const stage = await planStage({ mapping: { policies, validSource, requireApproval: true } })
    stage.one.seed(USERS, [user('a'), user('b', { sn: 'bad' }), user('c', { sn: 'out' }), user('d')])
    stage.two.seed(USERS, [user('a', { sn: 'z' }), user('c')])
    const { verification, waitsForApproval } = await verify(stage)
    assert.equal(waitsForApproval, undefined)
    assert.deepEqual(verification, {
      ...NOTHING,
      ...{ sources: 4, targets: 2, differing: 1, unlinked: 1, missingTargets: 1, unexpectedTargets: 1, failed: 1 },
      fields: { '/sn': 1 },
    })
  })

  it('finds all targets unexpected where the source is empty, and leaves fields out that the target never shows', async () => {
    const properties = ['userName', 'password'].map((name) => ({ source: name, target: name }))
    const stage = await planStage({ mapping: { properties }, two: { invisible: ['password'] } })
    stage.one.seed(USERS, [user('a', { password: 'Secret12' })])
    await stage.recon()
    assert.deepEqual((await verify(stage)).verification, { ...NOTHING, sources: 1, targets: 1, linked: 1, matching: 1 })
    stage.one.delete(USERS, 'a')
    assert.deepEqual((await verify(stage)).verification, { ...NOTHING, sources: 0, targets: 1, unexpectedTargets: 1 })
  })

  it('needs a mapping, and knows settings of one', async () => {
    const stage = await planStage()
    assert.equal(await stage.refused(stage.post('/recon?_action=verify')), '400 The parameter mapping is missing')
    assert.match(
      await stage.refused(stage.post('/recon?_action=verify&mapping=m', { limit: 3 })),
      /^400 The body knows/,
    )
    assert.match(
      await stage.refused(stage.post('/recon?_action=check&mapping=m')),
      /^400 Reconciliation has the actions recon, reconById and verify, not check$/,
    )
  })
})
