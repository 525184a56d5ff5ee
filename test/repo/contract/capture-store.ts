import assert from 'node:assert/strict'
import type { NewEvent } from '../../../lib/repo/queue/event.ts'
import type { OpenRepository } from '../repositories.ts'

const change = (mapping: string, resourceId: string): NewEvent => ({
  ...{ mapping, collection: 'external/idm/eu/managed/user', resourceId, action: 'update' },
  ...{ objectRev: null, oldObject: null, newObject: null, chain: [], transactionId: 't', userId: null },
})

const NOTHING = { events: [], sweeps: [] }

export function describeCaptureStore(open: OpenRepository): void {
  describe('captured changes', () => {
    it('are what an intent has become', async () => {
      const store = (await open()).captures()
      const keys = [
        await store.intend({ events: [change('m', 'a')], sweeps: [] }),
        await store.intend({ events: [change('m', 'b')], sweeps: ['m'] }),
      ]
      assert.equal(new Set(keys).size, 2)
      assert.deepEqual(await store.settle(keys[0] ?? 0, NOTHING), [])
      assert.deepEqual(await store.settle(keys[1] ?? 0, { events: [], sweeps: ['m', 'n'] }), ['m', 'n'])
      assert.deepEqual(await store.processes(), [])
      assert.deepEqual(
        (await store.sweepNeeds()).map(({ mapping }) => mapping),
        ['m', 'n'],
      )
    })

    it('are what an intent may have become, when its process has ended', async () => {
      const repository = await open()
      const [store, processes] = [repository.captures(), [repository.process]]
      const key = await store.intend({ events: [change('m', 'a')], sweeps: ['m'] })
      await store.intend({ events: [change('m', 'b')], sweeps: [] })
      assert.deepEqual(await store.processes(), processes)
      assert.equal(await store.recover(['another', '']), 0)
      assert.equal(await store.recover(['another', ...processes]), 2)
      assert.equal(await store.recover(processes), 0)
      assert.deepEqual(
        (await store.sweepNeeds()).map(({ mapping }) => mapping),
        ['m'],
      )
      // The process was only taken for one that had ended.
      assert.deepEqual(await store.settle(key, { events: [change('m', 'c')], sweeps: ['m'] }), [])
    })

    it('need a full run until one has begun after the last of them', async () => {
      const store = (await open()).captures()
      const note = async () => store.settle(await store.intend(NOTHING), { events: [], sweeps: ['m'] })
      const before = Date.now()
      await note()
      const [first] = await store.sweepNeeds()
      await store.clearSweepNeed('m', before)
      await store.clearSweepNeed('n', Date.now() + 1000)
      assert.deepEqual(await store.sweepNeeds(), [first])
      assert.deepEqual(await note(), [])
      assert.deepEqual(await store.sweepNeeds(), [first])
      await store.clearSweepNeed('m', Date.now() + 1000)
      assert.deepEqual(await store.sweepNeeds(), [])
      assert.deepEqual(await note(), ['m'])
    })
  })
}
