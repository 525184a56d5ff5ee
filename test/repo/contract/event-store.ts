import assert from 'node:assert/strict'
import { canMerge, EVENT_ACTIONS, type NewEvent, type QueuedEvent } from '../../../lib/repo/queue/event.ts'
import { eventError, type Outcome } from '../../../lib/repo/queue/event-store.ts'
import type { Repository } from '../../../lib/repo/repository.ts'
import { until } from '../../helpers/until.ts'
import type { OpenRepository } from '../repositories.ts'

const event = (id: string, action: NewEvent['action'] = 'update', more: Partial<NewEvent> = {}): NewEvent => ({
  ...{ mapping: 'm', collection: 'managed/user', resourceId: id, action, objectRev: '1', chain: [] },
  oldObject: action === 'create' ? null : { _id: id, v: 0 },
  newObject: action === 'delete' ? null : { _id: id, v: 1 },
  ...{ transactionId: 't', userId: 'u' },
  ...more,
})

const ERROR = eventError(400, 'Bad Request', 'no')

const shown = (events: readonly QueuedEvent[]) => events.map(({ resourceId, action }) => `${resourceId} ${action}`)

const names = async (repository: Repository) => shown(await repository.events().page({}, null, 100))

const done = (events: readonly QueuedEvent[]): Outcome[] => events.map((one) => ({ event: one, result: 'done' }))

async function countsOf(repository: Repository) {
  return (await repository.events().queues()).map(({ mapping, waiting, dead }) => ({ mapping, waiting, dead }))
}

export function describeEventStore(open: OpenRepository): void {
  describe('a change that follows another one', () => {
    for (const earlier of EVENT_ACTIONS)
      for (const later of EVENT_ACTIONS)
        it(`${earlier} + ${later}: ${canMerge(earlier, later) ? 'one event' : 'two events'}`, async () => {
          const repository = await open()
          await repository.events().add([event('a', earlier)])
          await repository.events().add([event('a', later, { newObject: { _id: 'a', v: 2 }, objectRev: '2' })])
          const waiting = await repository.events().page({}, null, 10)
          const merges = earlier !== 'delete' && later === 'update'
          assert.deepEqual(shown(waiting), merges ? [`a ${earlier}`] : [`a ${earlier}`, `a ${later}`])
          assert.deepEqual(await countsOf(repository), [{ mapping: 'm', waiting: merges ? 1 : 2, dead: 0 }])
          if (!merges) return
          assert.deepEqual(waiting[0]?.oldObject, earlier === 'create' ? null : { _id: 'a', v: 0 })
          assert.deepEqual([waiting[0]?.newObject, waiting[0]?.objectRev], [{ _id: 'a', v: 2 }, '2'])
        })

    it('is not merged into one that is being carried out, or of another object or mapping', async () => {
      const repository = await open()
      await repository.events().add([event('a')])
      await repository.jobs().acquire('m', 1)
      await repository.events().add([event('a'), event('a'), event('b'), event('a', 'update', { mapping: 'n' })])
      assert.deepEqual(await names(repository), ['a update', 'a update', 'b update', 'a update'])
    })

    it('lets one that has failed be tried at once, with all its attempts', async () => {
      const repository = await open()
      await repository.events().add([event('a')])
      const retry = { result: 'retry', notBefore: Date.now() + 1e6, counts: true, error: ERROR } as const
      await repository
        .events()
        .finish((await repository.jobs().acquire('m', 1)).map((one) => ({ event: one, ...retry })))
      assert.deepEqual(await repository.jobs().acquire('m', 1), [])
      await repository.events().add([event('a')])
      const [again] = await repository.jobs().acquire('m', 1)
      assert.deepEqual([again?.attempts, again?.lastError, again?.oldObject], [0, null, { _id: 'a', v: 0 }])
    })
  })

  describe('events', () => {
    it('are given out in order, one of an object at a time', async () => {
      const repository = await open()
      const [events, jobs] = [repository.events(), repository.jobs()]
      await events.add([event('a', 'create'), event('b', 'create'), event('a', 'delete'), event('a', 'create')])
      const first = await jobs.acquire('m', 10)
      assert.deepEqual(shown(first), ['a create', 'b create'])
      assert.deepEqual(await jobs.acquire('m', 10), [])
      assert.deepEqual(
        (await events.page({ state: 'ACQUIRED' }, null, 10)).map(({ id }) => id),
        first.map(({ id }) => id),
      )
      await events.finish(done(first))
      const second = await jobs.acquire('m', 10)
      assert.deepEqual(shown(second), ['a delete'])
      await events.finish(done(second))
      await events.finish(done(await jobs.acquire('m', 10)))
      assert.deepEqual([await names(repository), await events.queues()], [[], []])
    })

    it('of an object wait behind one that has failed, while others go on', async () => {
      const repository = await open()
      const [events, jobs] = [repository.events(), repository.jobs()]
      await events.add([event('a'), event('a', 'delete'), event('b')])
      const [poison] = await jobs.acquire('m', 1)
      assert.ok(poison)
      // Of a clock that counts parts of milliseconds.
      const notBefore = Date.now() + 60_000.25
      await events.finish([{ event: poison, result: 'retry', notBefore, counts: true, error: ERROR }])
      assert.deepEqual(shown(await jobs.acquire('m', 10)), ['b update'])
      assert.equal(await jobs.nextRetry('m'), Math.ceil(notBefore))
      assert.deepEqual((await events.find(poison.id))?.lastError, ERROR)
    })

    it('that have failed come back when they are due, and count their attempts', async () => {
      const repository = await open()
      const [events, jobs] = [repository.events(), repository.jobs()]
      await events.add([event('a')])
      for (const [counts, expected] of [
        [true, 1],
        [false, 1],
        [true, 2],
      ] as const) {
        const [one] = await jobs.acquire('m', 1)
        assert.ok(one)
        await events.finish([{ event: one, result: 'retry', notBefore: Date.now() - 1, counts, error: null }])
        assert.equal((await events.find(one.id))?.attempts, expected)
      }
      assert.deepEqual(shown(await jobs.acquire('m', 1)), ['a update'])
    })

    it('that a process was carrying out wait again', async () => {
      const repository = await open()
      await repository.events().add([event('a'), event('b'), event('a', 'delete')])
      await repository.jobs().acquire('m', 1)
      assert.equal(await repository.jobs().recover(), 1)
      assert.deepEqual(shown(await repository.jobs().acquire('m', 10)), ['a update', 'b update'])
    })

    it('are announced to who waits for their mapping', async () => {
      const repository = await open()
      let calls = 0
      const subscription = repository.jobs().subscribe('m', { pollingInterval: 3_600_000, wake: () => (calls += 1) })
      await repository.events().add([event('a', 'update', { mapping: 'n' })])
      assert.equal(calls, 0)
      await repository.events().add([event('a')])
      assert.equal(calls, 1)
      await subscription.dispose()
      await repository.events().add([event('a')])
      assert.equal(calls, 1)
      const polled = repository.jobs().subscribe('m', { pollingInterval: 1, wake: () => (calls += 1) })
      await until(() => calls > 2)
      await polled.dispose()
    })

    it('are given to several processes, each to one of them, and end only for who has them', async () => {
      const repository = await open()
      const [events, jobs] = [repository.events(), repository.jobs()]
      await events.add(Array.from({ length: 30 }, (_, index) => event(`u${index}`)))
      const parts = await Promise.all(Array.from({ length: 5 }, () => jobs.acquire('m', 6)))
      const taken = parts.flat()
      assert.equal(new Set(taken.map(({ id }) => id)).size, taken.length)
      const rest = await jobs.acquire('m', 100)
      assert.equal(taken.length + rest.length, 30)
      assert.ok(taken.every(({ nodeId }) => nodeId === jobs.node))
      // It was given to another process meanwhile.
      await events.finish(done(taken.map((one) => ({ ...one, nodeId: 'another' }))))
      assert.equal((await events.page({ state: 'ACQUIRED' }, null, 100)).length, 30)
      assert.equal(await jobs.recover('another'), 0)
      assert.equal(await jobs.recover(jobs.node), 30)
      await events.finish(done(taken))
      assert.equal((await jobs.acquire('m', 100)).length, 30)
    })

    it('many at a time are what they are one by one', async () => {
      const given = ['a', 'b'].flatMap((id) =>
        (['create', 'update', 'delete', 'create', 'update', 'update'] as const).map((action, v) =>
          event(id, action, { newObject: action === 'delete' ? null : { _id: id, v }, objectRev: String(v) }),
        ),
      )
      given.push(event('a', 'update', { claim: 'c' }), event('a', 'delete', { mapping: 'n' }), event('a'))
      const shapes = await Promise.all(
        [[given], given.map((one) => [one])].map(async (batches) => {
          const repository = await open()
          for (const batch of batches) await repository.events().add(batch)
          const found = await repository.events().page({}, null, 100)
          const shape = found.map(({ id: _id, createDate: _date, ...rest }) => rest)
          return [shape, await countsOf(repository)]
        }),
      )
      assert.deepEqual(shapes[0], shapes[1])
      assert.equal(shapes[0]?.[0]?.length, 7)
    })

    it('end together: done, again, given up', async () => {
      const repository = await open()
      const [events, jobs] = [repository.events(), repository.jobs()]
      const ids = Array.from({ length: 60 }, (_, index) => `u${index}`)
      await events.add(ids.flatMap((id) => [event(id), event(id, 'delete')]))
      const taken = await jobs.acquire('m', 100)
      const outcomes = taken.map((one, index): Outcome => {
        if (index % 3 === 0) return { event: one, result: 'done' }
        if (index % 3 === 1) return { event: one, result: 'dead', error: ERROR }
        return { event: one, result: 'retry', counts: true, notBefore: Date.now() + 1e6, error: ERROR }
      })
      await events.finish(outcomes)
      assert.deepEqual(await countsOf(repository), [{ mapping: 'm', waiting: 80, dead: 20 }])
      const next = await jobs.acquire('m', 100)
      assert.deepEqual(
        shown(next),
        ids.flatMap((id, index) => (index % 3 === 2 ? [] : [`${id} delete`])),
      )
      assert.equal(await events.revive({}), 20)
      assert.deepEqual(await jobs.acquire('m', 100), [])
      await events.finish(done(next))
      assert.equal((await jobs.acquire('m', 100)).length, 20)
    })

    it('are read by page, mapping, object and state', async () => {
      const repository = await open()
      const events = repository.events()
      await events.add(['a', 'b', 'c'].map((id) => event(id)))
      await events.add([event('a', 'delete'), event('a', 'update', { mapping: 'n' })])
      const [page, rest] = [
        await events.page({ mapping: 'm' }, null, 2),
        () => events.page({ mapping: 'm' }, page[1]?.id ?? null, 9),
      ]
      assert.deepEqual(
        [shown(page), shown(await rest())],
        [
          ['a update', 'b update'],
          ['c update', 'a delete'],
        ],
      )
      assert.deepEqual(shown(await events.page({ mapping: 'm', resourceId: 'a' }, null, 9)), ['a update', 'a delete'])
      assert.equal((await events.page({ resourceId: 'a' }, null, 9)).length, 3)
      assert.equal((await events.page({ mapping: 'm', state: 'ACQUIRED' }, null, 9)).length, 0)
      assert.equal(await events.find('nonsense'), undefined)
    })

    it('are dropped, except those that are being carried out', async () => {
      const repository = await open()
      const [events, jobs] = [repository.events(), repository.jobs()]
      await events.add([event('a'), event('b'), event('a', 'delete'), event('b', 'delete')])
      const [first] = await jobs.acquire('m', 1)
      const [, second] = await events.page({}, null, 2)
      assert.equal(await events.drop({ ids: [first?.id ?? '', second?.id ?? ''] }), 1)
      assert.deepEqual(shown(await jobs.acquire('m', 9)), ['b delete'])
      assert.equal(await events.drop({ mapping: 'm' }), 1)
      assert.deepEqual(await countsOf(repository), [{ mapping: 'm', waiting: 2, dead: 0 }])
    })
  })

  describe('dead letters', () => {
    it('let the events behind them pass, and wait again when they are revived', async () => {
      const repository = await open()
      const [events, jobs] = [repository.events(), repository.jobs()]
      await events.add([event('a'), event('a', 'delete')])
      const [poison] = await jobs.acquire('m', 1)
      assert.ok(poison)
      await events.finish([{ event: poison, result: 'dead', error: ERROR }])
      assert.deepEqual(await countsOf(repository), [{ mapping: 'm', waiting: 1, dead: 1 }])
      const letter = await events.findDead(poison.id)
      assert.deepEqual([letter?.lastError, letter?.oldObject, letter?.attempts], [ERROR, { _id: 'a', v: 0 }, 1])
      assert.equal(await events.find(poison.id), undefined)
      assert.equal((await events.deadLetters({ mapping: 'm' }, null, 9)).length, 1)
      assert.equal((await events.deadLetters({ mapping: 'n' }, null, 9)).length, 0)
      assert.equal(await events.revive({ mapping: 'm' }), 1)
      assert.deepEqual(shown(await jobs.acquire('m', 9)), ['a update'])
      assert.deepEqual(await countsOf(repository), [{ mapping: 'm', waiting: 2, dead: 0 }])
    })

    it('are revived behind one that is being carried out', async () => {
      const repository = await open()
      const [events, jobs] = [repository.events(), repository.jobs()]
      await events.add([event('a'), event('a', 'delete')])
      const [poison] = await jobs.acquire('m', 1)
      assert.ok(poison)
      await events.finish([{ event: poison, result: 'dead', error: ERROR }])
      const taken = await jobs.acquire('m', 1)
      assert.equal(await events.revive({ ids: [poison.id] }), 1)
      assert.deepEqual(await jobs.acquire('m', 9), [])
      await events.finish(done(taken))
      assert.deepEqual(shown(await jobs.acquire('m', 9)), ['a update'])
    })

    it('are dropped', async () => {
      const repository = await open()
      const events = repository.events()
      await events.add([event('a'), event('b')])
      const acquired = await repository.jobs().acquire('m', 9)
      await events.finish(acquired.map((one) => ({ event: one, result: 'dead', error: null })))
      assert.equal(await events.dropDead({ ids: [acquired[0]?.id ?? ''] }), 1)
      assert.equal(await events.dropDead({}), 1)
      assert.deepEqual(await events.queues(), [])
    })
  })

  describe('a claimed event', () => {
    const claimOf = (claim: string) => ({ mapping: 'm', action: 'update', claim }) as const
    const intents = { default: { kind: 'id', id: 'x' } } as const
    const stage = async () => {
      const repository = await open()
      const events = repository.events()
      await events.add([event('a', 'update', { claim: 'c' })])
      return { repository, events, jobs: repository.jobs() }
    }

    it('waits for nobody, is merged with nothing, and is gone when it is done', async () => {
      const { repository, events, jobs } = await stage()
      await events.add([event('a')])
      assert.deepEqual(await names(repository), ['a update'])
      assert.deepEqual(await countsOf(repository), [{ mapping: 'm', waiting: 1, dead: 0 }])
      await events.endClaim(claimOf('c'), 'done')
      await events.endClaim(claimOf('c'), 'wait')
      assert.equal((await jobs.acquire('m', 10)).length, 1)
      assert.deepEqual([await jobs.recover(), await names(repository)], [1, ['a update']])
    })

    it('waits in its order with what it was about to do when its outcome is not known', async () => {
      const { repository, events, jobs } = await stage()
      await events.add([event('a', 'delete')])
      await events.intendClaimed(claimOf('c'), intents)
      for (const more of [{}, { resourceId: 'a' }])
        assert.deepEqual(await events.intentsOf({ mapping: 'm', ...more }), [{ resourceId: 'a', intents }])
      assert.deepEqual(await events.intentsOf({ mapping: 'm', resourceId: 'b' }), [])
      await events.endClaim(claimOf('c'), 'wait')
      assert.deepEqual(await names(repository), ['a update', 'a delete'])
      const [first, ...others] = await jobs.acquire('m', 10)
      assert.deepEqual([first?.action, first?.intents, others], ['update', intents, []])
    })

    it('waits when its claim is released, and not for a new leader', async () => {
      const { repository, events, jobs } = await stage()
      await events.add([event('b', 'update', { claim: 'd' })])
      assert.deepEqual([await jobs.recover(), await events.releaseClaims(['x']), await names(repository)], [0, 0, []])
      assert.deepEqual([await events.releaseClaims(['c', 'x']), await names(repository)], [1, ['a update']])
      assert.deepEqual([await events.releaseClaims(['c', 'd']), await names(repository)], [1, ['a update', 'b update']])
      assert.deepEqual(await countsOf(repository), [{ mapping: 'm', waiting: 2, dead: 0 }])
    })

    it('names its process', async () => {
      const { repository, events } = await stage()
      const claim = events.newClaim()
      assert.notEqual(events.newClaim(), claim)
      await events.add(['m', 'n'].map((mapping) => event('a', 'update', { claim, mapping })))
      const claims = new Map((await events.claims()).map((one) => [one.claim, one]))
      assert.equal(claims.size, 2)
      assert.equal(claims.get('c')?.process, '')
      assert.equal(claims.get(claim)?.process, repository.process)
      assert.ok(Math.abs(Date.parse(claims.get(claim)?.createDate ?? '') - Date.now()) < 60_000)
    })

    it('tells which process has stored it, and no other', async () => {
      const { repository, events } = await stage()
      await events.add([event('a', 'update', { claim: 'd' }), event('a', 'update', { claim: 'c', mapping: 'n' })])
      await events.endClaim(claimOf('c'), 'done')
      await events.releaseClaims(['c', 'd'])
      assert.deepEqual(await countsOf(repository), [
        { mapping: 'm', waiting: 1, dead: 0 },
        { mapping: 'n', waiting: 1, dead: 0 },
      ])
    })
  })

  describe('the queue of a mapping', () => {
    it('keeps what was learned about the ids of a target, beside what else is known of the mapping', async () => {
      const events = (await open()).events()
      assert.equal(await events.clientIds('m'), null)
      for (const ids of ['kept', 'refused'] as const) {
        await events.keepClientIds('m', { target: 't', ids })
        assert.deepEqual([await events.clientIds('m'), await events.clientIds('n')], [{ target: 't', ids }, null])
      }
      assert.deepEqual(await events.queues(), [])
    })

    it('is paused and released', async () => {
      const events = (await open()).events()
      const pause = { cause: 'hand', reason: 'r', by: 'admin', since: '2026-01-01T00:00:00Z' } as const
      await events.setPause('m', pause)
      assert.deepEqual([await events.pauseOf('m'), (await events.queues())[0]?.pause], [pause, pause])
      await events.setPause('m', null)
      assert.deepEqual([await events.pauseOf('m'), await events.pauseOf('n')], [null, null])
    })

    it('knows its oldest event', async () => {
      const events = (await open()).events()
      await events.add([event('a')])
      const [first] = await events.page({}, null, 1)
      await events.add([event('b')])
      assert.equal((await events.queues())[0]?.oldest, first?.createDate)
    })

    it('counts deletions up to the number that is allowed', async () => {
      const events = (await open()).events()
      for (const count of [0, 1]) assert.deepEqual(await events.countDeletion('m', 2), { count, isAllowed: true })
      assert.deepEqual(await events.countDeletion('m', 2), { count: 2, isAllowed: false })
      assert.equal((await events.queues())[0]?.deletions, 2)
      assert.equal((await events.countDeletion('n', 1)).isAllowed, true)
      await events.uncountDeletion('m')
      assert.deepEqual(await events.countDeletion('m', 2), { count: 1, isAllowed: true })
      await events.forgetDeletions('m')
      assert.equal((await events.countDeletion('m', 1)).isAllowed, true)
    })
  })

  describe('a write of an object', () => {
    const given = (action: NewEvent['action']): NewEvent =>
      event('', action, { objectRev: null, oldObject: null, newObject: null })

    it('stores its events with what only the write knows', async () => {
      const repository = await open()
      const store = await repository.store('managed/user')
      const created = await store.insert(null, { a: 1 }, { events: [given('create')] })
      await repository.events().finish(done(await repository.jobs().acquire('m', 1)))
      const changed = await store.replace(created.id, null, {}, { events: [given('update')] })
      await store.remove(created.id, null, { events: [given('delete')] })
      const [update, removal] = await repository.events().page({}, null, 9)
      const [old, fresh] = [created, changed].map(({ id, revision, content }) => ({
        _id: id,
        _rev: revision,
        ...content,
      }))
      assert.deepEqual([update?.oldObject, update?.newObject, update?.objectRev], [old, fresh, changed.revision])
      assert.deepEqual([removal?.oldObject, removal?.newObject, removal?.objectRev], [fresh, null, changed.revision])
      assert.deepEqual([update?.resourceId, removal?.resourceId], [created.id, created.id])
    })

    it('that fails stores none', async () => {
      const repository = await open()
      const store = await repository.store('managed/user')
      const options = { events: [event('x')] }
      await assert.rejects(store.replace('x', null, {}, options))
      await assert.rejects(store.remove('x', null, options))
      await store.insert('x', {})
      await assert.rejects(store.insert('x', {}, options))
      assert.deepEqual(await repository.events().queues(), [])
    })
  })
}
