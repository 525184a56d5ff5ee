import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { startGateway } from '../gateway/parts.ts'
import { cutAfter, errorAnswer, held, respond, rewrite } from '../helpers/fake-idm/fake-idm.ts'
import { until } from '../helpers/until.ts'
import { type FakeStageOptions, fakeStage, USERS } from './fake-stage.ts'

const sources = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ _id: `u${index}`, userName: `name ${index}`, sn: 'x' }))

/** Without correlation: only ids tell what was created. */
async function stageOf(count: number, options: FakeStageOptions = {}) {
  const stage = await fakeStage({
    ...options,
    mapping: { correlationQuery: [], taskThreads: 3, ...options.mapping },
  })
  stage.one.seed(USERS, sources(count))
  return stage
}

const lines = (writes: readonly (readonly [string, unknown])[]) =>
  writes.map(([line]) => line.replace(/[0-9a-f]{8}-[0-9a-f-]{27}$/, 'UUID'))

describe('a target is created once', () => {
  it('with an id that is chosen before, unless an object with it exists', async () => {
    const stage = await stageOf(1)
    stage.one.clearRequests()
    await stage.recon()
    const [created] = stage.two.writes
    assert.equal(created?.headers['if-none-match'], '*')
    assert.deepEqual(lines(stage.writes()), [`PUT ${USERS}/UUID`])
  })

  for (const clientIds of [400, 403, 405] as const)
    it(`by POST where the target refuses ids (${clientIds}), which is remembered`, async () => {
      const stage = await stageOf(3, { two: { clientIds } })
      const run = await stage.recon()
      const post = `POST ${USERS}`
      assert.deepEqual(
        lines(stage.writes()).map((line) => line.replace(/\?.*/, '')),
        [`PUT ${USERS}/UUID`, post, post, post],
      )
      assert.deepEqual([run.clientIds, run.statusSummary], ['refused', { SUCCESS: 3, FAILURE: 0 }])
      stage.one.seed(USERS, [{ _id: 'late', userName: 'late', sn: 'x' }])
      await stage.recon()
      assert.deepEqual(
        lines(stage.writes()).map((line) => line.replace(/\?.*/, '')),
        [post],
      )
    })

  it('a refusal of the content does not count as one of the id', async () => {
    const stage = await stageOf(2, { two: { policies: { [USERS]: { required: ['mail'] } } } })
    const run = await stage.recon()
    assert.deepEqual([run.clientIds, run.statusSummary], [undefined, { SUCCESS: 0, FAILURE: 2 }])
  })

  for (const [what, interceptor] of [
    ['the connection is lost after it', cutAfter()],
    ['a gateway answers 504 after it', rewrite(() => errorAnswer(504, 'late'))],
  ] as const)
    it(`when ${what}: it is found by its id`, async () => {
      const stage = await stageOf(3)
      stage.two.intercept(`PUT ${USERS}/*`, interceptor, { times: 1 })
      const run = await stage.recon()
      assert.deepEqual(run.statusSummary, { SUCCESS: 3, FAILURE: 0 })
      assert.equal(stage.two.ids(USERS).length, 3)
    })

  it('when neither the answer nor the object can be read: the next run finds it, or sends the same id again', async () => {
    const stage = await stageOf(1)
    await stage.recon()
    stage.one.seed(USERS, sources(3))
    let isFirst = true
    // The first request is carried out, the others are not.
    const never = stage.two.intercept(`PUT ${USERS}/*`, async (_request, next) => {
      if (isFirst) await next()
      isFirst = false
      return errorAnswer(504, 'late')
    })
    const blind = stage.two.intercept(`GET ${USERS}/*-*`, respond(errorAnswer(500, 'broken')))
    const first = await stage.recon()
    assert.equal(first.stage, 'INTERRUPTED')
    const asked = stage.two.writes.map(({ path }) => path)
    for (const one of [never, blind]) one.remove()
    const second = await stage.recon()
    assert.deepEqual(second.statusSummary, { SUCCESS: 3, FAILURE: 0 })
    assert.equal(stage.two.ids(USERS).length, 3)
    for (const path of asked) assert.ok(stage.two.ids(USERS).includes(path.split('/').at(-1) ?? ''))
  })

  it('never by another POST after a lost answer: the row is unknown until a person has looked', async () => {
    const stage = await stageOf(1, { two: { clientIds: 403 } })
    stage.two.intercept(({ method }) => method === 'POST', cutAfter(), { times: 1 })
    const run = await stage.recon()
    assert.deepEqual(run.statusSummary, { SUCCESS: 0, FAILURE: 0, UNKNOWN: 1 })
    assert.equal(stage.two.ids(USERS).length, 1)
    const again = await stage.recon()
    // The other one is the target, which nothing refers to.
    assert.deepEqual(again.statusSummary, { SUCCESS: 0, FAILURE: 2 })
    const row = (await stage.rows(again)).find(({ sourceObjectId }) => sourceObjectId === 'u0')
    assert.match(String(row?.message), /may have created the target.*createUnknown/)
    assert.equal(stage.two.ids(USERS).length, 1)
    stage.two.delete(USERS, stage.two.ids(USERS)[0] ?? '')
    assert.deepEqual((await stage.recon('', { createUnknown: true })).statusSummary, { SUCCESS: 1, FAILURE: 0 })
    assert.equal(stage.two.ids(USERS).length, 1)
  })

  it('with the id of the mapping', async () => {
    const stage = await stageOf(2, {
      mapping: { properties: ['_id', 'userName'].map((name) => ({ source: name, target: name })) },
    })
    await stage.recon()
    assert.deepEqual(stage.two.ids(USERS).sort(), ['u0', 'u1'])
  })
})

describe('a run that is interrupted', () => {
  it('finishes the rows in flight, and goes on under its id', async () => {
    const stage = await stageOf(20)
    const hold = held()
    const interception = stage.two.intercept(({ line }) => line.startsWith(`PUT ${USERS}/`), hold)
    const { json } = await stage.gateway.call('/recon?_action=recon&mapping=m', { method: 'POST' })
    const id = String((json as JsonObject)._id)
    await until(() => stage.two.writes.length >= 1, 'a creation is under way')
    const stopped = stage.gateway.gateway.stop()
    hold.release()
    interception.remove()
    await stopped
    const done = stage.two.ids(USERS).length
    assert.ok(done >= 1 && done < 20, `${done} are done`)
    const { call } = await startGateway({ project: stage.gateway.project, plugins: [packageRoot] })
    const before = (await call(`/recon/${id}`)).json as JsonObject
    assert.deepEqual([before.state, before.stage, before.resumable], ['FAILED', 'INTERRUPTED', true])
    assert.deepEqual(before.statusSummary, { SUCCESS: done, FAILURE: 0 })
    const resumed = await call(`/recon/${id}?_action=resume&waitForCompletion=true`, { method: 'POST' })
    assert.deepEqual(resumed.json, { _id: id, state: 'SUCCESS' })
    const after = (await call(`/recon/${id}`)).json as JsonObject
    assert.deepEqual(after.statusSummary, { SUCCESS: 20, FAILURE: 0 })
    assert.equal(stage.two.ids(USERS).length, 20)
    const refused = await call(`/recon/${id}?_action=resume`, { method: 'POST' })
    assert.equal(refused.status, 409)
  })
})
