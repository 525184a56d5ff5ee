import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { serviceUnavailable } from '../../../lib/crest/errors.ts'
import { connect } from '../../../lib/crest/protocol/connection.ts'
import type { RequestContext } from '../../../lib/crest/protocol/request.ts'
import { ManagedChanges } from '../../../lib/gateway/managed/changes.ts'
import type { ManagedHooks } from '../../../lib/gateway/managed/hooks.ts'
import type { NewEvent } from '../../../lib/repo/queue/event.ts'
import { type Change, NOTIFY_ACTIONS } from '../../../lib/sync/live/change.ts'
import { openManaged, user } from './managed-objects.ts'

interface Seen extends Change {
  readonly by: 'write' | 'check'
  readonly context: RequestContext
}

/** Managed objects whose changes are recorded in place of being synchronized. */
async function openRecorded(hooks: ManagedHooks = {}, isQueued = false) {
  const changes = new ManagedChanges()
  const seen: Seen[] = []
  let concerned = ['managed/user']
  const record = (by: Seen['by']) => async (change: Change, context: RequestContext) => {
    seen.push({ ...change, by, context })
    return { success: true, action: NOTIFY_ACTIONS[change.action], syncDetails: [] }
  }
  changes.bind({
    concerns: (collection) => concerned.includes(collection),
    claimed: (change) => change,
    eventsFor: ({ collection, resourceId, action, oldObject, newObject }) => {
      const event: NewEvent = {
        ...{ mapping: 'm', collection, resourceId, action, objectRev: null, oldObject, newObject },
        ...{ chain: [], transactionId: null, userId: null },
      }
      return isQueued ? [event] : []
    },
    synchronize: record('write'),
    notify: record('check'),
  })
  const parts = await openManaged({ changes, hooks })
  return { ...parts, seen, concern: (...collections: string[]) => (concerned = collections) }
}

const told = ({ action, resourceId, oldObject, newObject }: Change) => [
  action,
  resourceId,
  oldObject && [oldObject._rev, oldObject.sn],
  newObject && [newObject._rev, newObject.sn],
]

describe('changes of managed objects', () => {
  it('are handed over once they are stored: PUT, PATCH, the action patch, DELETE', async () => {
    const { openidm, seen } = await openRecorded()
    const { _rev: first, _id: id } = await openidm.create('managed/user', null, user('amira'))
    const name = `managed/user/${id}`
    const { _rev: second } = await openidm.update(name, null, user('amira', { sn: 'Put' }))
    const patch = (value: string) => [{ operation: 'replace', field: 'sn', value }]
    const { _rev: third } = await openidm.patch(name, null, patch('Patched'))
    const acted = await openidm.action('managed/user', 'patch', patch('Acted'), { _queryFilter: 'true' })
    const { _rev: fourth } = acted as JsonObject
    await openidm.delete(name, null)
    assert.deepEqual(seen.map(told), [
      ['create', id, null, [first, 'Ortiz']],
      ['update', id, [first, 'Ortiz'], [second, 'Put']],
      ['update', id, [second, 'Put'], [third, 'Patched']],
      ['update', id, [third, 'Patched'], [fourth, 'Acted']],
      ['delete', id, [fourth, 'Acted'], null],
    ])
  })

  it('are not made by a patch that stores nothing new, and not by a refused write', async () => {
    const { openidm, seen } = await openRecorded()
    await openidm.create('managed/user', 'amira', user('amira'))
    await openidm.patch('managed/user/amira', null, [{ operation: 'replace', field: 'sn', value: 'Ortiz' }])
    await assert.rejects(openidm.update('managed/user/amira', null, { userName: 'amira' }), { code: 403 })
    await assert.rejects(openidm.delete('managed/user/amira', 'other'), { code: 412 })
    assert.equal(seen.length, 1)
  })

  it('show the object as internal callers read it: encrypted values as stored, and no hashes', async () => {
    const { openidm, router, seen } = await openRecorded()
    const external = connect(router, {})
    await external.create('managed/user', 'amira', user('amira', { password: 'Passw0rd!' }))
    assert.deepEqual(seen[0]?.newObject, await openidm.read('managed/user/amira'))
    const { _id, _rev, ...content } = (await openidm.read('managed/user/amira')) ?? {}
    await openidm.update('managed/user/amira', null, { ...content, sn: 'B' })
    assert.deepEqual(seen[1]?.oldObject, { _id, _rev, ...content })
    assert.deepEqual(seen[1]?.newObject, await openidm.read('managed/user/amira'))
  })

  it('are seen through when the caller leaves, and come after what follows the write', async () => {
    const leaving = new AbortController()
    const order: string[] = []
    const { router, seen } = await openRecorded({
      afterWrite: async ({ action }) => {
        leaving.abort()
        order.push(action)
      },
      afterSync: async (_change, { results }) => void order.push(results.action),
    })
    const context = { signal: leaving.signal, transactionId: 't1' }
    await connect(router, context).create('managed/user', 'amira', user('amira'))
    assert.deepEqual(order, ['create', 'notifyCreate'])
    assert.deepEqual(seen[0]?.context, { transactionId: 't1' })
  })

  it('of types that nothing reads are not prepared', async () => {
    let count = 0
    const retrieve: ManagedHooks['retrieve'] = async (_id, objects) => {
      count++
      return [...objects]
    }
    const { openidm, seen, concern } = await openRecorded({ retrieve })
    concern('managed/role')
    await openidm.create('managed/user', 'amira', user('amira'))
    await openidm.delete('managed/user/amira', null)
    assert.deepEqual([seen.length, count], [0, 0])
    concern('managed/user')
    await openidm.create('managed/user', 'amira', user('amira'))
    assert.deepEqual([seen.length, count], [1, 1])
  })

  it('leave their events with the object, even if what follows fails', async () => {
    const afterWrite = () => Promise.reject(serviceUnavailable('no'))
    const { openidm, repository, seen } = await openRecorded({ afterWrite }, true)
    await assert.rejects(openidm.create('managed/user', null, user('amira')), { message: 'no' })
    const [stored] = (await openidm.query('managed/user', { _queryFilter: 'true' })).result
    const [event] = await repository.events().page({}, null, 10)
    assert.deepEqual(
      [event?.resourceId, event?.objectRev, event?.newObject?.userName],
      [stored?._id, stored?._rev, 'amira'],
    )
    assert.equal(seen.length, 0)
  })

  it('leave no events when they are not stored', async () => {
    const { openidm, repository } = await openRecorded({}, true)
    await openidm.create('managed/user', 'amira', user('amira'))
    await assert.rejects(openidm.create('managed/user', 'other', user('amira')), { code: 403 })
    await assert.rejects(openidm.update('managed/user/amira', '7', user('amira')), { code: 412 })
    assert.equal((await repository.events().page({}, null, 10)).length, 1)
  })

  it('a deletion meets another write: it deletes what that has stored', async () => {
    let intrude: (() => Promise<unknown>) | undefined
    const beforeDelete = async () => {
      const work = intrude
      intrude = undefined
      await work?.()
    }
    const { openidm, seen } = await openRecorded({ beforeDelete })
    await openidm.create('managed/user', 'amira', user('amira'))
    intrude = () => openidm.update('managed/user/amira', null, user('amira', { sn: 'Later' }))
    await openidm.delete('managed/user/amira', null)
    assert.deepEqual(
      seen.map(({ action, oldObject }) => [action, oldObject?.sn]),
      [
        ['create', undefined],
        ['update', 'Ortiz'],
        ['delete', 'Later'],
      ],
    )
  })

  it('triggerSyncCheck synchronizes one object, all, or those of a query, as they are', async () => {
    const { openidm, seen } = await openRecorded()
    for (let n = 0; n < 25; n++) await openidm.create('managed/user', `u${n}`, user(`u${n}`))
    seen.length = 0
    const one = await openidm.action('managed/user/u1', 'triggerSyncCheck')
    assert.deepEqual(one, await openidm.read('managed/user/u1'))
    const { oldObject, newObject, by } = seen[0] ?? {}
    assert.deepEqual([by, oldObject, newObject], ['check', one, one])
    assert.deepEqual(await openidm.action('managed/user', 'triggerSyncCheck'), { status: 'OK', countTriggered: 25 })
    assert.equal(new Set(seen.slice(1).map(({ resourceId }) => resourceId)).size, 25)
    seen.length = 0
    const some = await openidm.action('managed/user', 'triggerSyncCheck', null, { _queryFilter: 'userName sw "u1"' })
    assert.deepEqual([some, seen.length], [{ status: 'OK', countTriggered: 11 }, 11])
    await assert.rejects(openidm.action('managed/user/nobody', 'triggerSyncCheck'), { code: 404 })
    await assert.rejects(openidm.action('managed/user', 'triggerSyncCheck', null, { _queryFilter: 'sn' }), {
      code: 400,
    })
  })
})
