import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { errorAnswer, missingRows, respond } from '../../helpers/fake-idm/fake-idm.ts'
import { USERS } from '../fake-stage.ts'
import { HOUR, incrementalStage, notesOf } from './incremental-stage.ts'

/** A changed source failed, and the watermark is an hour later than the change. */
async function failedStage(mapping: JsonObject = {}) {
  const stage = await incrementalStage({ mapping })
  await stage.recon()
  stage.edit('u2', { sn: 'Lee' })
  const fault = stage.two.intercept(`PATCH ${USERS}/*`, respond(errorAnswer(403, 'Policy validation failed')))
  const run = await stage.changed()
  assert.deepEqual(await stage.outcomes(run), { u2: 'CONFIRMED UPDATE FAILURE' })
  assert.equal(notesOf(run).waiting, 1)
  stage.one.switches.clockSkew = HOUR
  await stage.changed()
  return { stage, mend: () => fault.remove() }
}

describe('sources that failed', () => {
  it('are taken by each later run until they are fine', async () => {
    const { stage, mend } = await failedStage()
    const failing = await stage.changed()
    assert.deepEqual([notesOf(failing).retried, notesOf(failing).waiting], [1, 1])
    mend()
    const dry = await stage.changed('&analyze=true')
    assert.deepEqual(await stage.outcomes(dry), { u2: 'CONFIRMED UPDATE null' })
    const run = await stage.changed()
    assert.deepEqual([notesOf(run).retried, notesOf(run).waiting], [1, 0])
    assert.deepEqual(await stage.outcomes(run), { u2: 'CONFIRMED UPDATE SUCCESS' })
    assert.deepEqual(await stage.outcomes(await stage.changed()), {})
  })

  it('in a full run are taken as well, and a full run settles them', async () => {
    const stage = await incrementalStage()
    const fault = stage.two.intercept(({ line }) => /^(?:PUT|POST) /.test(line), respond(errorAnswer(403, 'no')))
    assert.equal(notesOf(await stage.recon()).waiting, 3)
    fault.remove()
    assert.equal(notesOf(await stage.recon()).waiting, 0)
    assert.deepEqual(await stage.outcomes(await stage.changed()), {})
  })

  it('are forgotten when they are gone, and not when they cannot be found for another reason', async () => {
    const { stage } = await failedStage()
    const lost = stage.one.intercept(`GET ${USERS}/u2`, respond(errorAnswer(503, 'busy', { 'retry-after': '300' })))
    const hidden = stage.one.intercept(`GET ${USERS}`, missingRows('u2'))
    const run = await stage.changed()
    assert.equal(notesOf(run).waiting, 1, JSON.stringify(run))
    lost.remove()
    hidden.remove()
    stage.one.delete(USERS, 'u2')
    const gone = await stage.changed()
    assert.equal(notesOf(gone).waiting, 0)
    assert.deepEqual(await stage.outcomes(gone), {})
  })

  it('are forgotten when the query of the mapping no longer selects them', async () => {
    const { stage, mend } = await failedStage({ sourceQuery: { _queryFilter: 'sn eq "Ortiz" or sn eq "Lee"' } })
    mend()
    stage.one.change(USERS, 'u2', { sn: 'Other' })
    const run = await stage.changed()
    assert.deepEqual([await stage.outcomes(run), notesOf(run).waiting], [{}, 0])
    assert.equal(stage.two.objects(USERS).filter(({ sn }) => sn === 'Ortiz').length, 3)
  })

  it('are many in one query', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `user-${index}`)
    const stage = await incrementalStage({}, ids)
    const fault = stage.two.intercept(({ isWrite }) => isWrite, respond(errorAnswer(403, 'no')))
    await stage.recon()
    fault.remove()
    stage.one.switches.clockSkew = HOUR
    stage.asked()
    const run = await stage.changed()
    assert.deepEqual([notesOf(run).retried, notesOf(run).waiting], [40, 0])
    assert.ok(stage.asked().length < 8)
    assert.equal(stage.two.ids(USERS).length, 40)
  })

  it('of a plan wait as soon as they have failed, even where the plan is not carried out to its end', async () => {
    const stage = await incrementalStage()
    await stage.recon()
    stage.edit('u1', { sn: 'Lee' })
    stage.edit('u2', { sn: 'Lee' })
    const plan = await stage.changed('&analyze=true')
    stage.two.intercept(`PATCH ${USERS}/*`, respond(errorAnswer(403, 'no')), { times: 1 })
    const path = `/recon/${String(plan._id)}?_action=execute&waitForCompletion=true`
    const { json } = await stage.post(path, { limit: 1 })
    const first = notesOf((await stage.gateway.call(`/recon/${String(json._id)}`)).json as JsonObject)
    assert.deepEqual([first.waiting, first.watermark], [1, undefined])
    const { json: rest } = await stage.post(path)
    const last = notesOf((await stage.gateway.call(`/recon/${String(rest._id)}`)).json as JsonObject)
    assert.equal(last.waiting, 1)
    // The clock of the source is known to some milliseconds: the full run may seem to have read later than the plan.
    assert.ok(String(last.watermark) >= String(notesOf(plan).readAt), String(last.watermark))
    const run = await stage.changed()
    assert.deepEqual([notesOf(run).waiting, stage.two.objects(USERS).filter(({ sn }) => sn === 'Lee').length], [0, 2])
  })
})
