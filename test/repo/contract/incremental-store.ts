import assert from 'node:assert/strict'
import type { IncrementalStore } from '../../../lib/repo/incremental/incremental-store.ts'
import type { OpenRepository } from '../repositories.ts'

const MARK = { time: '2026-01-31T06:00:00.000Z', scope: 's' }

export function describeIncrementalStore(open: OpenRepository): void {
  describe('the state of incremental runs', () => {
    const ids = async (store: IncrementalStore, mapping = 'm') =>
      (await store.retries(mapping, '', 100)).map(({ sourceId, attempts }) => `${sourceId} ${attempts}`)

    it('has a watermark and a proof for each mapping, each on its own', async () => {
      const store = (await open()).incremental()
      assert.deepEqual([await store.watermark('m'), await store.proof('m')], [undefined, undefined])
      const proof = { subject: 'x', at: MARK.time, form: '{}' }
      await store.prove('m', proof)
      assert.deepEqual([await store.watermark('m'), await store.proof('m')], [undefined, proof])
      assert.equal(await store.settle('m', { watermark: MARK, failed: [], done: 'rest' }, 10), 0)
      assert.deepEqual([await store.watermark('m'), await store.proof('m')], [MARK, proof])
      await store.settle('m', { failed: ['a'], done: [] }, 10)
      await store.settle('n', { watermark: { ...MARK, scope: 't' }, failed: [], done: 'rest' }, 10)
      assert.deepEqual(await store.watermark('m'), MARK)
      await store.prove('m', { ...proof, subject: 'y' })
      assert.equal((await store.proof('m'))?.subject, 'y')
      assert.deepEqual(await store.watermark('m'), MARK)
    })

    it('counts the attempts of sources that fail again, and forgets those that are done', async () => {
      const store = (await open()).incremental()
      assert.equal(await store.settle('m', { failed: ['b', 'a', 'c'], done: 'rest' }, 10), 3)
      assert.equal(await store.settle('m', { failed: ['a', 'd'], done: ['b'] }, 10), 3)
      assert.deepEqual(await ids(store), ['a 2', 'c 1', 'd 1'])
      assert.equal(await store.settle('m', { failed: ['d'], done: 'rest' }, 10), 1)
      assert.deepEqual([await ids(store), await ids(store, 'n')], [['d 2'], []])
    })

    it('stores nothing when there would be too many', async () => {
      const store = (await open()).incremental()
      await store.settle('m', { failed: ['a', 'b'], done: 'rest' }, 3)
      assert.equal(await store.settle('m', { watermark: MARK, failed: ['c', 'd'], done: ['a'] }, 2), undefined)
      assert.deepEqual([await ids(store), await store.watermark('m')], [['a 1', 'b 1'], undefined])
      assert.equal(await store.settle('m', { watermark: MARK, failed: ['c', 'd'], done: 'rest' }, 2), 2)
      assert.deepEqual([await ids(store), await store.watermark('m')], [['c 1', 'd 1'], MARK])
    })

    it('lists retries page by page, whatever their ids hold', async () => {
      const store = (await open()).incremental()
      const failed = ['ä/ö', 'a b', "o'hara", '%', '"']
      await store.settle('m', { failed, done: 'rest' }, 10)
      const seen: string[] = []
      for (let after = ''; ; after = seen.at(-1) ?? '') {
        const page = await store.retries('m', after, 2)
        if (page.length === 0) break
        seen.push(...page.map(({ sourceId }) => sourceId))
      }
      assert.deepEqual([...seen].sort(), [...failed].sort())
      assert.equal(seen.length, failed.length)
    })
  })
}
