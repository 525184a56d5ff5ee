import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import { cutAfter, errorAnswer, respond } from '../../helpers/fake-idm/fake-idm.ts'
import { until } from '../../helpers/until.ts'
import { type LiveStage, mappingTo, PERSON, person, REMOTE, startLive } from './live-stage.ts'

const isCreate = ({ method, isWrite }: { method: string; isWrite: boolean }) => isWrite && method === 'PUT'

describe('a change that is carried over at once, without a queue', () => {
  ownedBySuite()
  let stage: LiveStage
  const names = () => stage.remote.objects('managed/user').map(({ userName }) => userName)
  const queue = async () => {
    const { json } = await stage.gateway.call('/sync/queue?_queryFilter=true')
    const dead = await stage.gateway.call('/repo/synchronisation/deadLetterQueue/m?_queryFilter=true')
    return [json, dead.json].map((answer) => (answer as { result: JsonObject[] }).result.length)
  }
  const put = (id: string) => stage.gateway.call(`/${PERSON}/${id}`, { method: 'PUT', json: person(id) })

  before(async () => {
    stage = await startLive([mappingTo(REMOTE, { source: PERSON, correlationQuery: [] })])
    await put('first')
  })

  it('is not repeated by the queue when its target refuses it', async () => {
    const refused = stage.remote.intercept(isCreate, respond(errorAnswer(400, 'No')), { times: 1 })
    assert.equal((await put('refused')).status, 201)
    assert.deepEqual([refused.hits, await queue(), names()], [1, [0, 0], ['first']])
  })

  it('is left to the queue when nobody knows its outcome, and creates one target', async () => {
    stage.remote.intercept(isCreate, cutAfter(), { times: 1 })
    assert.equal((await put('lost')).status, 201)
    await until(async () => (await stage.links('lost')).length === 1, 'the target is linked')
    await until(async () => (await queue()).join() === '0,0', 'nothing waits')
    assert.deepEqual(names(), ['first', 'lost'])
  })
})
