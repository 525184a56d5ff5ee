import assert from 'node:assert/strict'
import type { JsonObject } from '../../../../lib/contract.ts'
import { until } from '../../../helpers/until.ts'
import { QueueStage } from './queue-stage.ts'

const isWrite = (method: string | undefined): boolean => method !== 'GET'

describe('queued synchronization', () => {
  it('carries changes over after the write, without waiting for the poll', async () => {
    const stage = await QueueStage.start({ queuedSync: { pollingInterval: 3_600_000 } })
    await stage.put('a', 'a@x')
    await stage.drained()
    await stage.put('a', 'b@x')
    await stage.put('b', 'c@x')
    await stage.drained()
    assert.deepEqual(await stage.targets(), { a: 'b@x', b: 'c@x' })
    await stage.remove('a')
    await stage.drained()
    assert.deepEqual(await stage.targets(), { b: 'c@x' })
  })

  it('keeps the changes of a target that is down, and carries them over in order when it is up', async () => {
    const stage = await QueueStage.start({ queuedSync: { maxRetries: 0 } })
    await stage.put('a', '1')
    await stage.drained()
    stage.us.interfere = () => 502
    for (const [id, mail] of [
      ['a', '2'],
      ['b', '1'],
      ['b', '2'],
      ['c', '1'],
    ] as const)
      await stage.put(id, mail)
    await stage.remove('a')
    await stage.put('a', '3')
    await until(async () => (await stage.queue()).condition === 'waiting', 'the queue waits for the target')
    const queue = await stage.queue()
    assert.equal(queue.dead, 0)
    assert.match(String(queue.reason), /asked again in \d+ s$/)
    stage.us.requests.length = 0
    stage.us.interfere = undefined
    await stage.drained()
    assert.deepEqual(await stage.targets(), { a: '3', b: '2', c: '1' })
    assert.deepEqual(await stage.letters(), [])
  })

  it('keeps the changes while the instance of the target is disabled', async () => {
    const stage = await QueueStage.start({ queuedSync: { maxRetries: 0 } })
    await stage.put('a', '1')
    await stage.drained()
    const enable = (value: boolean) =>
      stage.call('/config/external.idm/us', {
        method: 'PATCH',
        json: [{ operation: 'replace', field: '/enabled', value }],
      })
    await enable(false)
    for (const id of ['a', 'b']) await stage.put(id, '2')
    await until(async () => (await stage.queue()).condition === 'waiting', 'the queue waits for the target')
    assert.match(String((await stage.queue()).reason), /"us" is disabled/)
    await enable(true)
    await stage.drained()
    assert.deepEqual(await stage.targets(), { a: '2', b: '2' })
    assert.deepEqual(await stage.letters(), [])
  })

  it('leaves a target alone for as long as it asks, and asks with one change first', async () => {
    const stage = await QueueStage.start({ queuedSync: { maxRetries: 0 }, mapping: { taskThreads: 5 } })
    stage.us.retryAfter = '1'
    let refused = 0
    stage.us.interfere = () => {
      refused += 1
      return 429
    }
    for (let index = 0; index < 30; index++) await stage.put(`u${index}`, 'x')
    await until(async () => (await stage.queue()).condition === 'waiting')
    await until(() => refused >= 1)
    const first = refused
    assert.ok(first <= 10, `${first} requests before it was left alone`)
    await until(() => refused > first, 'it is asked again')
    const times: number[] = []
    stage.us.interfere = () => {
      times.push(performance.now())
      return times.length === 1 ? 429 : undefined
    }
    await stage.drained()
    assert.equal(Object.keys(await stage.targets()).length, 30)
    assert.ok((times[1] ?? 0) - (times[0] ?? 0) >= 990, 'one request, then none for a second')
    assert.deepEqual(await stage.letters(), [])
  })

  it('gives an object up that cannot be carried over, while others pass', async () => {
    const stage = await QueueStage.start({ queuedSync: { maxRetries: 2 } })
    let attempts = 0
    stage.us.interfere = ({ method, url }) => {
      if (!isWrite(method) || !url?.includes('poison')) return undefined
      attempts += 1
      return 400
    }
    await stage.put('poison', 'p')
    for (const id of ['a', 'b', 'c']) await stage.put(id, 'x')
    await stage.drained()
    assert.equal(attempts, 3)
    assert.deepEqual(await stage.targets(), { a: 'x', b: 'x', c: 'x' })
    const [letter, ...others] = await stage.letters()
    assert.deepEqual(others, [])
    const { mapping, resourceId, syncAction, failureCause, attempts: failed } = letter ?? {}
    assert.deepEqual([mapping, resourceId, syncAction, failed], ['m', 'poison', 'notifyCreate', 3])
    assert.deepEqual([(failureCause as JsonObject).code, (await stage.queue()).dead], [400, 1])
    stage.us.interfere = undefined
    assert.deepEqual(await stage.post('/repo/synchronisation/deadLetterQueue/m?_action=retry'), { retried: 1 })
    await stage.drained()
    assert.deepEqual([(await stage.targets()).poison, await stage.letters()], ['p', []])
  })

  it('gives up what is unreachable for one object only', async () => {
    const stage = await QueueStage.start({ queuedSync: { maxRetries: 1 } })
    stage.us.interfere = ({ url }) => (url?.includes('poison') ? 504 : undefined)
    await stage.put('poison', 'p')
    let count = 0
    await until(async () => {
      await stage.put(`u${count++}`, 'x')
      return (await stage.letters()).length > 0
    })
    await stage.drained()
    assert.equal(Object.keys(await stage.targets()).length, count)
  })

  it('recognizes what an earlier attempt has created, whose answer was lost', async () => {
    const stage = await QueueStage.start({ queuedSync: { maxRetries: 0 } })
    let isAsked = false
    stage.us.interfere = ({ method }) => {
      if (method !== 'PUT') return isAsked ? 503 : undefined
      isAsked = true
      return 504
    }
    await stage.put('a', 'new')
    await until(() => isAsked)
    // The lost request had been carried out.
    await stage.us.connection.create('managed/user', 'a', { mail: 'old' })
    stage.us.interfere = undefined
    await stage.drained()
    assert.deepEqual([await stage.targets(), await stage.letters()], [{ a: 'new' }, []])
    const { result } = await stage.call('/repo/link?_queryFilter=true')
    assert.equal((result as JsonObject[]).length, 1)
  })

  it('leaves an object alone that has the id of the mapping and was there before', async () => {
    const stage = await QueueStage.start({ queuedSync: { maxRetries: 1 } })
    await stage.us.connection.create('managed/user', 'a', { mail: 'of another' })
    await stage.put('a', 'x')
    await stage.drained()
    assert.deepEqual([await stage.targets(), (await stage.letters()).length], [{ a: 'of another' }, 1])
  })

  for (const [action, letters] of [
    ['logged-ignore', 0],
    [{ type: 'text/javascript', source: 'throw new Error("no")' }, 1],
    [
      {
        type: 'text/javascript',
        source: `openidm.create('managed/note', null, { text: [syncFailure.mapping, syncFailure.resourceId,
          syncFailure.syncAction, syncFailure.newObject.mail, failureCause.code].join(' ') });
          syncFailure.resourceId === 'kept' ? 'dead-letter-queue' : null`,
      },
      1,
    ],
  ] as const)
    it(`does what postRetryAction says: ${JSON.stringify(action).slice(0, 60)}`, async () => {
      const conf = { 'managed.json': { objects: [{ name: 'note', schema: {} }] } }
      const stage = await QueueStage.start({ queuedSync: { maxRetries: 0, postRetryAction: action }, conf })
      stage.us.interfere = ({ method }) => (isWrite(method) ? 403 : undefined)
      await stage.put('kept', 'x')
      await stage.drained()
      assert.equal((await stage.letters()).length, letters)
      const { result } = await stage.call('/managed/note?_queryFilter=true')
      const texts = (result as JsonObject[]).map(({ text }) => text)
      const isNoted = typeof action === 'object' && action.source.startsWith('openidm')
      assert.deepEqual(texts, isNoted ? ['m kept create x 403'] : [])
    })
})
