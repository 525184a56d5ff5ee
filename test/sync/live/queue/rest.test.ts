import assert from 'node:assert/strict'
import type { JsonObject } from '../../../../lib/contract.ts'
import { ANONYMOUS } from '../../../gateway/parts.ts'
import { until } from '../../../helpers/until.ts'
import { QueueStage } from './queue-stage.ts'

async function pausedStage(): Promise<QueueStage> {
  const stage = await QueueStage.start()
  await stage.post('/sync/queue?_action=pause&mapping=m')
  return stage
}

const ids = ({ result }: JsonObject) => (result as JsonObject[]).map(({ resourceId }) => resourceId)

describe('sync/queue', () => {
  it('shows events as the vendor does, without secrets', async () => {
    const stage = await pausedStage()
    await stage.notify('notifyUpdate', 'a', {
      oldValue: { _id: 'a', mail: 'old', password: 'geheim' },
      newValue: { _id: 'a', _rev: '7', mail: 'new', password: { $crypto: {} } },
    })
    const [event] = await stage.events()
    const { _id, _rev, createDate, transactionId, ...rest } = event ?? {}
    assert.deepEqual(rest, {
      ...{ mapping: 'm', resourceCollection: 'external/idm/eu/managed/user', resourceId: 'a' },
      ...{ syncAction: 'notifyUpdate', state: 'PENDING', objectRev: '7', nodeId: null, remainingRetries: 5 },
      oldObject: { _id: 'a', mail: 'old', password: '********' },
      newObject: { _id: 'a', _rev: '7', mail: 'new', password: '********' },
      ...{ attempts: 0, nextAttempt: null, lastError: null, userId: 'openidm-admin' },
    })
    assert.deepEqual(await stage.call(`/sync/queue/${_id}`), event)
    assert.match(String(createDate), /^\d{4}-/)
    assert.match(String(transactionId), /./)
  })

  it('is queried by page and filter', async () => {
    const stage = await pausedStage()
    for (const id of ['1', '2', '3', 'b']) await stage.put(id, 'x')
    const page = await stage.call('/sync/queue?_queryFilter=true&_pageSize=3')
    assert.deepEqual(ids(page), ['1', '2', '3'])
    const rest = await stage.call(
      `/sync/queue?_queryFilter=true&_pageSize=3&_pagedResultsCookie=${page.pagedResultsCookie}`,
    )
    assert.deepEqual([ids(rest), rest.pagedResultsCookie], [['b'], null])
    for (const [filter, expected] of [
      ['mapping eq "M" and resourceId eq "2"', ['2']],
      ['mapping eq "none"', []],
      ['state eq "pending" and resourceId eq "B"', ['b']],
      ['state eq "ACQUIRED"', []],
      ['syncAction eq "notifyCreate" and !(resourceId gt "1")', ['1']],
      ['newObject/mail eq "x" and mapping eq "m"', ['1', '2', '3', 'b']],
    ] as const)
      assert.deepEqual(
        ids(await stage.call(`/sync/queue?_queryFilter=${encodeURIComponent(filter)}`)),
        expected,
        filter,
      )
  })

  it('drops one event, or those of a mapping', async () => {
    const stage = await pausedStage()
    for (const id of ['a', 'b', 'c']) await stage.put(id, 'x')
    const [event] = await stage.events()
    assert.equal((await stage.call(`/sync/queue/${event?._id}`, { method: 'DELETE' })).resourceId, 'a')
    assert.equal((await stage.gateway.call(`/sync/queue/${event?._id}`)).status, 404)
    assert.equal((await stage.gateway.call('/sync/queue?_action=drop', { method: 'POST', json: {} })).status, 400)
    assert.deepEqual(await stage.post('/sync/queue?_action=drop&mapping=m'), { dropped: 2 })
    assert.equal((await stage.gateway.call('/sync/queue?_action=toString', { method: 'POST', json: {} })).status, 400)
  })

  it('is for administrators', async () => {
    const stage = await QueueStage.start()
    for (const path of ['/sync/queue', '/sync/queue?_queryFilter=true', '/repo/synchronisation/deadLetterQueue/m/1'])
      assert.equal((await stage.gateway.call(path, { headers: ANONYMOUS })).status, 403, path)
  })

  it('is measured', async () => {
    const stage = await pausedStage()
    await stage.put('a', 'x')
    await stage.post('/sync/queue?_action=release&mapping=m')
    await stage.drained()
    await until(async () => {
      const { text } = await stage.gateway.call('/metrics/prometheus')
      return /openidm_external_idm_sync_queue_events_total\{mapping="m",status="done"\} 1/.test(text)
    })
  })
})

describe('repo/synchronisation/deadLetterQueue', () => {
  it('is read, dropped, and knows its mapping', async () => {
    const stage = await QueueStage.start({ queuedSync: { maxRetries: 0 } })
    stage.us.interfere = ({ method }) => (method === 'GET' ? undefined : 403)
    for (const id of ['a', 'b']) await stage.put(id, 'x')
    await stage.drained()
    const [letter] = await stage.letters()
    const path = `/repo/synchronisation/deadLetterQueue/m/${letter?._id}`
    assert.deepEqual(await stage.call(path), letter)
    assert.equal((await stage.gateway.call(path.replace('/m/', '/n/'))).status, 404)
    assert.equal((await stage.call(path, { method: 'DELETE' }))._id, letter?._id)
    assert.equal((await stage.gateway.call(path)).status, 404)
    const filter = encodeURIComponent('resourceId eq "b"')
    const { result } = await stage.call(`/repo/synchronisation/deadLetterQueue/m?_queryFilter=${filter}`)
    assert.equal((result as JsonObject[]).length, 1)
    assert.deepEqual(await stage.post('/repo/synchronisation/deadLetterQueue/m?_action=drop'), { dropped: 1 })
  })
})
