import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../../lib/contract.ts'
import { changeObject, type ObjectStore } from '../../../lib/repo/objects/object-store.ts'
import { UniqueViolation } from '../../../lib/repo/objects/unique-violation.ts'
import { idsOf, queryOf } from '../queries.ts'
import type { OpenRepository } from '../repositories.ts'

const nested = (levels: number): Json => JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as Json

export function describeObjectStore(open: OpenRepository): void {
  describe('stored objects', () => {
    let store: ObjectStore
    beforeEach(async () => {
      store = await (await open()).store('managed/user', { unique: ['userName', 'badge/number'] })
    })

    it('are found by id, or not', async () => {
      const stored = await store.insert('bo', { userName: 'bo' })
      assert.deepEqual(await store.find('bo'), stored)
      assert.equal(await store.find('Bo'), undefined)
    })

    it('of two inserts with one id, one wins', async () => {
      const outcomes = await Promise.allSettled([store.insert('bo', { x: 1 }), store.insert('bo', { x: 2 })])
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'rejected'],
      )
      assert.deepEqual((await store.get('bo')).content, { x: 1 })
    })

    it('of many changes at once, none is lost', async () => {
      await store.insert('counter', { count: 0 })
      const add = () => changeObject(store, 'counter', null, ({ content }) => ({ count: Number(content.count) + 1 }))
      await Promise.all(Array.from({ length: 50 }, add))
      assert.deepEqual((await store.get('counter')).content, { count: 50 })
    })

    it('a change that returns the same content writes nothing; one that throws neither', async () => {
      const stored = await store.insert('bo', { x: 1 })
      assert.deepEqual(await changeObject(store, 'bo', null, ({ content }) => content), stored)
      await assert.rejects(
        changeObject(store, 'bo', null, () => assert.fail('no')),
        { message: 'no' },
      )
      assert.deepEqual(await store.get('bo'), stored)
    })

    it('keep no identity in their content', async () => {
      const { content } = await store.insert('bo', { _id: 'other', _rev: '7', x: 1 })
      assert.deepEqual(content, { x: 1 })
    })

    for (const id of ['', '\ud800', 'a\0b'])
      it(`refuse the id ${JSON.stringify(id)}`, () => assert.rejects(store.insert(id, {}), { code: 400 }))

    it('refuse what is nested too deeply for the database, and take what is not', async () => {
      await store.insert('deep', { x: nested(499) })
      await assert.rejects(store.insert('deeper', { x: nested(500) }), { code: 400 })
      await assert.rejects(
        changeObject(store, 'deep', null, () => ({ x: nested(9000) })),
        { code: 400 },
      )
      assert.deepEqual(await idsOf(store, { _queryFilter: 'x pr' }), ['deep'])
    })

    it('of one type know nothing of another', async () => {
      const repository = await open()
      const [users, roles] = [await repository.store('managed/user'), await repository.store('managed/role')]
      await users.insert('a', { userName: 'a' })
      await roles.insert('a', { userName: 'b' })
      await roles.insert('b', { userName: 'b' })
      assert.deepEqual(await idsOf(users), ['a'])
      const counted = queryOf({ _pageSize: 1, _totalPagedResultsPolicy: 'EXACT' })
      assert.deepEqual((await roles.query(counted)).totalPagedResults, 2)
      await users.remove('a', null)
      assert.deepEqual(await idsOf(roles), ['a', 'b'])
    })

    it('have what is written while an index is built', async () => {
      const repository = await open()
      const store = await repository.store('t')
      await Promise.all(Array.from({ length: 600 }, (_, index) => store.insert(`a${index}`, { x: index % 2 })))
      const built = repository.store('t', { indexes: ['x'] })
      const writes = Array.from({ length: 20 }, async (_, index) => {
        await store.insert(`b${index}`, { x: 7 })
        await store.replace(`a${index * 30}`, null, { x: 7 })
        await store.remove(`a${index * 30 + 1}`, null)
      })
      await Promise.all([built, repository.store('t', { indexes: ['x', 'y'] }), ...writes])
      assert.equal((await idsOf(store, { _queryFilter: 'x eq 7' })).length, 40)
      assert.equal((await idsOf(store, { _queryFilter: 'x lt 7' })).length, 560)
    })

    describe('with unique properties', () => {
      beforeEach(() => store.insert('bo', { userName: 'bo', badge: { number: 7 } }))

      const taken: JsonObject[] = [{ userName: 'bo' }, { userName: 'BO' }, { userName: 'x', badge: { number: 7 } }]
      for (const content of taken)
        it(`refuse ${JSON.stringify(content)}`, async () => {
          await assert.rejects(store.insert('other', content), UniqueViolation)
          await store.insert('other', { userName: 'other' })
          await assert.rejects(
            changeObject(store, 'other', null, () => content),
            { code: 409 },
          )
          assert.deepEqual((await store.get('other')).content, { userName: 'other' })
        })

      it('take other values, none, and an object its own again', async () => {
        await store.insert('a', { userName: 'b', badge: { number: '7' } })
        await store.insert('b', {})
        await store.insert('c', { userName: null })
        await changeObject(store, 'bo', null, () => ({ userName: 'Bo' }))
        await changeObject(store, 'bo', null, () => ({ userName: 'cy' }))
        await store.insert('d', { userName: 'bo' })
      })

      it('of many that come at once, let one in', async () => {
        const ids = Array.from({ length: 10 }, (_, index) => `x${index}`)
        // Whatever has to be opened first is.
        await Promise.all(ids.map((id) => store.find(id)))
        const outcomes = await Promise.allSettled(ids.map((id) => store.insert(id, { userName: 'new' })))
        assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
      })
    })
  })
}
