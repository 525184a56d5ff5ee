import assert from 'node:assert/strict'
import type { JsonObject } from '../../../../lib/contract.ts'
import { cutAfter, errorAnswer, type FakeIdm, fakeIdm, respond } from '../../../helpers/fake-idm/fake-idm.ts'
import { until } from '../../../helpers/until.ts'
import { QueueStage } from './queue-stage.ts'

const names = (target: FakeIdm) => target.objects('managed/user').map(({ mail }) => mail)
const isCreate = ({ method }: { method: string }) => method === 'POST'
const isDelete = ({ method }: { method: string }) => method === 'DELETE'
const CORRELATED = { correlationQuery: { linkQualifier: 'default', expressionTree: { any: ['mail'] } } }

describe('a queued creation whose answer is lost', () => {
  const start = async (switches: Parameters<typeof fakeIdm>[0], mapping: JsonObject = {}) => {
    const target = await fakeIdm({ collections: ['managed/user'], ...switches })
    const properties = [{ source: 'mail', target: 'mail' }]
    return {
      target,
      stage: await QueueStage.start({ target, queuedSync: { maxRetries: -1 }, mapping: { properties, ...mapping } }),
    }
  }

  it('is not repeated where the target chooses the ids, whatever maxRetries says: it is a dead letter', async () => {
    const { target, stage } = await start({ clientIds: 403 })
    await stage.put('a', 'a')
    await stage.drained()
    target.intercept(isCreate, cutAfter(), { times: 1 })
    await stage.put('b', 'b')
    await stage.put('c', 'c')
    await stage.drained()
    assert.deepEqual(names(target).sort(), ['a', 'b', 'c'])
    const [letter, ...others] = await stage.letters()
    assert.deepEqual([letter?.resourceId, others], ['b', []])
    assert.match(
      String((letter?.failureCause as JsonObject | undefined)?.message),
      /^An earlier request may have created the target .*: it is not repeated\. Look for it at the target\. If it is there, link it/,
    )
  })

  it('nor is it repeated by the next change of the object, until the dead letter is dropped', async () => {
    const { target, stage } = await start({ clientIds: 403 })
    target.intercept(isCreate, cutAfter(), { times: 1 })
    await stage.put('a', '1')
    await stage.drained()
    await stage.put('a', '2')
    await stage.drained()
    assert.deepEqual([names(target), (await stage.letters()).length], [['1'], 2])
    // Somebody has looked, and it was not there.
    target.delete('managed/user', target.ids('managed/user')[0] ?? '')
    await stage.post('/repo/synchronisation/deadLetterQueue/m?_action=drop')
    await stage.put('a', '3')
    await stage.drained()
    assert.deepEqual([names(target), await stage.letters()], [['3'], []])
  })

  it('is found by correlation, or repeated where nothing correlates', async () => {
    const { target, stage } = await start({ clientIds: 403 }, CORRELATED)
    target.intercept(isCreate, cutAfter(), { times: 1 })
    await stage.put('a', 'a')
    await stage.drained()
    assert.deepEqual([names(target), await stage.letters()], [['a'], []])
    target.intercept(isCreate, respond(errorAnswer(504, 'Nobody answers')), { times: 1 })
    await stage.put('b', 'b')
    await stage.drained()
    assert.deepEqual([names(target), await stage.letters()], [['a', 'b'], []])
  })

  it('is repeated where the target has refused it', async () => {
    const { target, stage } = await start({ clientIds: 403 })
    const refusal = target.intercept(isCreate, respond(errorAnswer(503, 'Busy')), { times: 3 })
    await stage.put('a', 'a')
    await stage.drained()
    assert.deepEqual([names(target), await stage.letters(), refusal.hits], [['a'], [], 3])
  })

  it('is not repeated where the target may have given it another id than it was sent', async () => {
    const { target, stage } = await start({ namedBy: 'mail' })
    target.intercept(({ method }) => method === 'PUT', cutAfter(), { times: 1 })
    await stage.put('a', 'a')
    await stage.drained()
    assert.deepEqual([target.ids('managed/user'), (await stage.letters()).length], [['a'], 1])
  })

  it('is repeated with its id where the target keeps ids', async () => {
    const { target, stage } = await start({})
    await stage.put('a', 'a')
    await stage.drained()
    target.intercept(({ method }) => method === 'PUT', cutAfter(), { times: 1 })
    await stage.put('b', 'b')
    await stage.drained()
    target.intercept(({ method }) => method === 'PUT', respond(errorAnswer(504, 'Nobody answers')), { times: 1 })
    await stage.put('c', 'c')
    await stage.drained()
    await until(() => target.objects('managed/user').length === 3)
    assert.deepEqual([names(target).sort(), await stage.letters()], [['a', 'b', 'c'], []])
  })
})

describe('a queued creation whose answer is lost and whose source is gone', () => {
  it('leaves no target behind', async () => {
    const target = await fakeIdm({ collections: ['managed/user'] })
    const properties = [{ source: 'mail', target: 'mail' }]
    const mapping = { properties, allowEmptySourceSet: true }
    const stage = await QueueStage.start({ target, queuedSync: { maxRetries: -1 }, mapping })
    await stage.put('b', 'b')
    await stage.drained()
    const lost = async (...[request, next]: Parameters<ReturnType<typeof cutAfter>>) => {
      const answer = await cutAfter()(request, next)
      await stage.remove('a')
      return answer
    }
    target.intercept(({ method }) => method === 'PUT', lost, { times: 1 })
    await stage.put('a', 'a')
    await stage.drained()
    assert.deepEqual([names(target), await stage.letters()], [['b'], []])
  })
})

describe('a queued deletion whose answer is lost', () => {
  const policies = [
    { situation: 'SOURCE_MISSING', action: 'DELETE' },
    { situation: 'MISSING', action: 'EXCEPTION' },
  ]

  const start = async () => {
    const target = await fakeIdm({ collections: ['managed/user'] })
    const properties = [{ source: 'mail', target: 'mail' }]
    const mapping = { properties, policies, allowEmptySourceSet: true }
    const stage = await QueueStage.start({ target, queuedSync: { maxRetries: 0 }, mapping })
    await stage.put('a', '1')
    await stage.drained()
    return { target, stage }
  }

  it('is completed: the link goes, and the object can come back', async () => {
    const { target, stage } = await start()
    target.intercept(isDelete, cutAfter(), { times: 1 })
    await stage.remove('a')
    await stage.put('a', '2')
    await stage.drained()
    assert.deepEqual([names(target), await stage.letters()], [['2'], []])
    await stage.remove('a')
    await stage.drained()
    assert.deepEqual([names(target), await stage.letters()], [[], []])
  })

  it('is completed when the source is back before it is tried again', async () => {
    const { target, stage } = await start()
    const lost = async (...[request, next]: Parameters<ReturnType<typeof cutAfter>>) => {
      const answer = await cutAfter()(request, next)
      await stage.put('a', '2')
      return answer
    }
    target.intercept(isDelete, lost, { times: 1 })
    await stage.remove('a')
    await stage.drained()
    assert.deepEqual([names(target), await stage.letters()], [['2'], []])
  })

  it('is not mistaken for what somebody else has deleted since', async () => {
    const { target, stage } = await start()
    // The target has refused ours.
    target.intercept(isDelete, respond(errorAnswer(409, 'It is used')), { times: 1 })
    await stage.remove('a')
    await stage.drained()
    target.delete('managed/user', target.ids('managed/user')[0] ?? '')
    await stage.put('a', '2')
    await stage.drained()
    assert.deepEqual([names(target), (await stage.letters()).length], [[], 2])
  })
})
