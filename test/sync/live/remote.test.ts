import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import { errorAnswer } from '../../helpers/fake-idm/fake-idm.ts'
import { js, type LiveStage, LOCAL, mappingTo, person, REMOTE, SOURCE, startLive } from './live-stage.ts'

describe('implicit synchronization, while the target or the source is not there', () => {
  ownedBySuite()
  let stage: LiveStage
  before(async () => {
    stage = await startLive([])
  })
  const named = (name: string, target: string, more: JsonObject = {}) => ({ ...mappingTo(target, more), name })

  it('a target that is down fails the change; what was done before stays, and what comes after is not done', async () => {
    await stage.connection.create(SOURCE, 'd', person('d'))
    await stage.configure([
      named('first', LOCAL),
      named('second', REMOTE),
      named('third', LOCAL, { correlationQuery: [] }),
    ])
    const down = stage.remote.intercept(
      () => true,
      () => ({ status: 503, headers: {} }),
    )
    const details = await stage.notify('Create', 'd')
    const { hits } = down
    down.remove()
    // Neither retries nor waits: the caller does.
    assert.equal(hits, 1)
    assert.deepEqual(
      details.map(({ mapping, result }) => [mapping, result]),
      [
        ['first', 'SUCCESSFUL'],
        ['second', 'FAILED'],
      ],
    )
    const { code, message } = (details[1]?.cause ?? {}) as JsonObject
    assert.equal(code, 503)
    assert.match(String(message), /\S/)
    const after = await stage.notify('Create', 'd')
    assert.deepEqual(
      after.map(({ situation, result }) => [situation, result]),
      [
        ['CONFIRMED', 'SUCCESSFUL'],
        ['ABSENT', 'SUCCESSFUL'],
        ['ABSENT', 'SUCCESSFUL'],
      ],
    )
  })

  it('a remote source: nothing is deleted unless its absence is proven', async () => {
    const policies = [{ situation: 'SOURCE_MISSING', action: 'DELETE' }]
    await stage.configure([{ ...named('m', LOCAL, { policies }), source: REMOTE }])
    await stage.connection.create(REMOTE, 's', person('s'))
    assert.equal((await stage.notify('Create', 's', {}, REMOTE))[0]?.result, 'SUCCESSFUL')
    const [target = ''] = await stage.links('s')
    // It answers every read with 404, as a gateway before an instance does that is being moved.
    const lost = stage.remote.intercept(
      ({ isWrite }) => !isWrite,
      () => errorAnswer(404, 'Not found'),
    )
    const [detail = {}] = await stage.notify('Delete', 's', {}, REMOTE)
    lost.remove()
    assert.deepEqual([detail.situation, detail.result], ['SOURCE_MISSING', 'FAILED'])
    assert.match(String((detail.cause as JsonObject).message), /Cannot determine whether/)
    assert.ok(await stage.connection.read(`${LOCAL}/${target}`))
    await stage.connection.delete(`${REMOTE}/s`, null)
    assert.equal((await stage.notify('Delete', 's', {}, REMOTE))[0]?.result, 'SUCCESSFUL')
    assert.equal(await stage.connection.read(`${LOCAL}/${target}`), null)
  })

  it('a source that cannot be read fails, whatever is reported of it', async () => {
    await stage.configure([{ ...named('m', LOCAL), source: REMOTE }])
    const down = stage.remote.intercept(
      () => true,
      () => ({ status: 500, headers: {} }),
    )
    const [detail = {}] = await stage.notify('Delete', 'x', { oldValue: person('x') }, REMOTE)
    down.remove()
    assert.deepEqual([detail.situation, detail.result], [null, 'FAILED'])
  })

  it('the id of an object may hold any character', async () => {
    await stage.configure([named('m', LOCAL)])
    const id = 'a/b c%2F?ä'
    await stage.connection.create(SOURCE, id, person('odd'))
    const [detail = {}] = await stage.notify('Create', id)
    assert.deepEqual([detail.sourceId, detail.result], [id, 'SUCCESSFUL'])
    assert.equal((await stage.links(id)).length, 1)
  })

  it('a creation that a hook has done meanwhile is not repeated', async () => {
    const hook = `if (source.sn !== "B2") {
      openidm.patch("${SOURCE}/" + sourceId, null, [{ operation: "replace", field: "/sn", value: "B2" }])
      openidm.action("sync", "notifyUpdate", {}, { resourceContainer: "${SOURCE}", resourceId: sourceId })
    }`
    await stage.configure([named('m', LOCAL, { correlationQuery: [], onCreate: js(hook) })])
    await stage.connection.create(SOURCE, 'w', person('w'))
    const [detail = {}] = await stage.notify('Create', 'w')
    assert.deepEqual([detail.situation, detail.result], ['CONFIRMED', 'SUCCESSFUL'])
    const { result } = await stage.connection.query(LOCAL, { _queryFilter: 'userName eq "w"' })
    assert.deepEqual(
      result.map(({ sn }) => sn),
      ['B2'],
    )
  })
})
