import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { packageRoot } from '../../../lib/gateway/project/package-info.ts'
import { startGateway } from '../../gateway/parts.ts'
import { errorAnswer, held, respond } from '../../helpers/fake-idm/fake-idm.ts'
import { until } from '../../helpers/until.ts'
import { USERS } from '../fake-stage.ts'
import { HOUR, type IncrementalStage, incrementalStage, notesOf } from './incremental-stage.ts'

/** An hour later, so that what is remembered can be told from what would be. */
async function later(options: Parameters<typeof incrementalStage>[0] = {}) {
  const stage = await incrementalStage(options)
  const full = await stage.recon()
  stage.one.switches.clockSkew = HOUR
  stage.edit('u1', { sn: 'Lee' })
  stage.edit('u2', { sn: 'Lee' })
  return { stage, watermark: notesOf(full).watermark }
}

/** Whether a run asks from where the full run began. */
async function isUnmoved(stage: IncrementalStage, watermark: unknown): Promise<boolean> {
  const { changedSince } = notesOf(await stage.changed('&analyze=true'))
  return Date.parse(String(changedSince)) <= Date.parse(String(watermark))
}

describe('the begin of the next run that asks only for what changed', () => {
  it('moves with a run that ends well, and with no dry run', async () => {
    const { stage, watermark } = await later()
    const plan = await stage.changed('&analyze=true')
    assert.deepEqual(Object.keys(await stage.outcomes(plan)), ['u1', 'u2'])
    assert.equal(notesOf(plan).watermark, undefined)
    assert.equal(await isUnmoved(stage, watermark), true)
    await stage.recon('', { limit: 1 })
    await stage.recon('&id=u1')
    assert.equal(await isUnmoved(stage, watermark), true)
    await stage.changed()
    assert.equal(await isUnmoved(stage, watermark), false)
    assert.equal(stage.two.objects(USERS).filter(({ sn }) => sn === 'Lee').length, 2)
  })

  it('does not move with a dry run that finds nothing to do', async () => {
    const incremental = { changedField: 'lastModified', overlap: 'zero' }
    const stage = await incrementalStage({ mapping: { incremental } })
    const { watermark } = notesOf(await stage.recon())
    stage.one.switches.clockSkew = HOUR
    assert.equal(notesOf(await stage.changed('&analyze=true')).watermark, undefined)
    await stage.recon('&analyze=true')
    assert.equal(await isUnmoved(stage, watermark), true)
  })

  it('does not move with a run that fails, or that a limit stops', async () => {
    const { stage, watermark } = await later({ mapping: { maxClears: 0 } })
    await stage.changed('&analyze=true')
    const fails = stage.one.intercept(`GET ${USERS}`, respond(errorAnswer(500, 'no')))
    assert.equal((await stage.changed()).state, 'FAILED')
    fails.remove()
    stage.edit('u2', { sn: null })
    assert.equal((await stage.changed()).state, 'FAILED')
    assert.equal(await isUnmoved(stage, watermark), true)
  })

  it('does not move with a full run whose source is empty', async () => {
    const stage = await incrementalStage({}, [])
    const run = await stage.recon()
    assert.equal(run.state, 'SUCCESS')
    assert.equal(notesOf(run).watermark, undefined)
    assert.match(await stage.refused(), /^409 No full/)
  })

  it('does not move with a run that is canceled', async () => {
    const { stage, watermark } = await later({ mapping: { taskThreads: 1 } })
    const hold = held()
    const interception = stage.two.intercept(`PATCH ${USERS}/*`, hold)
    const { json } = await stage.post('/recon?_action=recon&mapping=m&changed=true')
    await until(() => hold.waiting > 0, 'a write')
    await stage.post(`/recon/${String(json._id)}?_action=cancel`)
    hold.release()
    interception.remove()
    const read = async () => (await stage.gateway.call(`/recon/${String(json._id)}`)).json as JsonObject
    await until(async () => (await read()).state === 'CANCELED', 'the end')
    assert.equal(await isUnmoved(stage, watermark), true)
  })

  it('moves with an interrupted run when that has been resumed, to where it began', async () => {
    const { stage, watermark } = await later({ mapping: { taskThreads: 1 } })
    const hold = held()
    const interception = stage.two.intercept(`PATCH ${USERS}/*`, hold)
    const { json } = await stage.post('/recon?_action=recon&mapping=m&changed=true')
    await until(() => hold.waiting > 0, 'a write')
    const { changedSince } = notesOf((await stage.gateway.call(`/recon/${String(json._id)}`)).json as JsonObject)
    const stopped = stage.gateway.gateway.stop()
    hold.release()
    interception.remove()
    await stopped
    stage.one.switches.clockSkew = 3 * HOUR
    const { call } = await startGateway({ project: stage.gateway.project, plugins: [packageRoot] })
    const resumed = await call(`/recon/${String(json._id)}?_action=resume&waitForCompletion=true`, { method: 'POST' })
    assert.equal(resumed.status, 200, resumed.text)
    const run = (await call(`/recon/${String(json._id)}`)).json as JsonObject
    const notes = notesOf(run)
    assert.deepEqual([run.state, notes.changedSince], ['SUCCESS', changedSince])
    const moved = Date.parse(String(notes.watermark)) - Date.parse(String(watermark))
    assert.ok(Math.abs(moved - HOUR) < 60_000, `${moved} ms`)
    assert.equal(stage.two.objects(USERS).filter(({ sn }) => sn === 'Lee').length, 2)
  })

  it('moves to where a plan was made when the last part of it has been carried out', async () => {
    const { stage, watermark } = await later()
    const plan = await stage.changed('&analyze=true')
    stage.one.switches.clockSkew = 5 * HOUR
    const execute = async (body?: JsonObject) => {
      const { status, json } = await stage.post(
        `/recon/${String(plan._id)}?_action=execute&waitForCompletion=true`,
        body,
      )
      assert.equal(status, 200, JSON.stringify(json))
      return notesOf((await stage.gateway.call(`/recon/${String(json._id)}`)).json as JsonObject)
    }
    assert.equal((await execute({ limit: 1 })).watermark, undefined)
    assert.equal(await isUnmoved(stage, watermark), true)
    assert.equal((await execute()).watermark, notesOf(plan).readAt)
    assert.equal(await isUnmoved(stage, watermark), false)
  })

  it('does not go back where an older plan is carried out', async () => {
    const { stage } = await later()
    const plan = await stage.changed('&analyze=true')
    stage.one.switches.clockSkew = 5 * HOUR
    const { watermark } = notesOf(await stage.changed())
    const { json } = await stage.post(`/recon/${String(plan._id)}?_action=execute&waitForCompletion=true`)
    const run = (await stage.gateway.call(`/recon/${String(json._id)}`)).json as JsonObject
    assert.equal(notesOf(run).watermark, watermark)
  })

  it('moves without an approval where there is nothing to approve', async () => {
    const stage = await incrementalStage({ mapping: { requireApproval: true } })
    const plan = await stage.recon()
    assert.equal(plan.waitsForApproval, true)
    assert.match(await stage.refused(), /^409 No full/)
    await stage.post(`/recon/${String(plan._id)}?_action=approve`)
    await stage.post(`/recon/${String(plan._id)}?_action=execute&waitForCompletion=true`)
    assert.equal(stage.two.ids(USERS).length, 3)
    stage.one.switches.clockSkew = HOUR
    const idle = await stage.changed()
    assert.equal(notesOf(idle).watermark, notesOf(idle).readAt)
    stage.edit('u1', { sn: 'Lee' })
    const work = await stage.changed()
    assert.deepEqual([work.waitsForApproval, notesOf(work).watermark], [true, undefined])
  })

  it('stays when the run is undone', async () => {
    const { stage, watermark } = await later()
    const run = await stage.changed()
    const { json: plan } = await stage.post(`/recon/${String(run._id)}?_action=undo&waitForCompletion=true`)
    const { status } = await stage.post(`/recon/${String(plan._id)}?_action=execute&waitForCompletion=true`)
    assert.equal(status, 200)
    assert.equal(stage.two.objects(USERS).filter(({ sn }) => sn === 'Ortiz').length, 3)
    assert.equal(await isUnmoved(stage, watermark), false)
  })
})
