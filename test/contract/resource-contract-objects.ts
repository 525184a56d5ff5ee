import assert from 'node:assert/strict'
import { type ContractOptions, type ContractSuite, text, when } from './contract-subject.ts'

export function describeCreate(suite: ContractSuite, options: ContractOptions): void {
  describe('create', () => {
    it('with the id of the client', async () => {
      const created = await suite.create('a', { x: { y: [1, null] } })
      assert.equal(created._id, suite.id('a'))
      assert.ok(text(created._rev).length > 0)
      assert.deepEqual(await suite.openidm.read(suite.path(suite.id('a'))), created)
    })

    it('with an id of the server', async () => {
      const created = await suite.openidm.create(suite.collection, null, { run: suite.run })
      const other = await suite.openidm.create(suite.collection, null, { run: suite.run })
      assert.notEqual(created._id, other._id)
      assert.deepEqual(await suite.openidm.read(suite.path(text(created._id))), created)
    })

    for (const id of ['a/b', 'a b', 'ä=,ö', '100%', 'a+b', '..x', 'A?b#c'])
      when(options.slashInIds !== false || !id.includes('/'))(`with the id ${id}`, async () => {
        const created = await suite.create(id)
        assert.equal(created._id, suite.id(id))
        assert.deepEqual(await suite.openidm.read(suite.path(suite.id(id))), created)
      })

    it('refuses an id that is taken, and leaves its object alone', async () => {
      const first = await suite.create('a', { x: 1 })
      await assert.rejects(suite.create('a', { x: 2 }), { code: 412 })
      assert.deepEqual(await suite.openidm.read(suite.path(suite.id('a'))), first)
    })

    it('ids that differ in case are different', async () => {
      await suite.create('a')
      await suite.create('A')
      assert.deepEqual((await suite.find('true')).sort(), ['A', 'a'])
    })
  })
}

export function describeRead(suite: ContractSuite): void {
  describe('read', () => {
    it('finds nothing where nothing is', async () =>
      assert.equal(await suite.openidm.read(suite.path(suite.id('none'))), null))

    it('answers with the fields asked for', async () => {
      await suite.create('a', { x: 1, y: { p: 1, q: 2 } })
      const { _id, _rev, ...fields } = (await suite.openidm.read(suite.path(suite.id('a')), null, ['y/p', 'z'])) ?? {}
      assert.deepEqual(fields, { y: { p: 1 } })
    })

    it('every answer is a copy', async () => {
      const created = await suite.create('a', { x: { y: 1 } })
      Object.assign(created.x as object, { y: 2 })
      assert.deepEqual((await suite.openidm.read(suite.path(suite.id('a'))))?.x, { y: 1 })
    })
  })
}

export function describeUpdate(suite: ContractSuite): void {
  describe('update', () => {
    it('replaces the whole object and its revision', async () => {
      const created = await suite.create('a', { x: 1 })
      const updated = await suite.openidm.update(suite.path(suite.id('a')), null, { run: suite.run, y: 2 })
      assert.deepEqual([updated.x, updated.y], [undefined, 2])
      assert.notEqual(updated._rev, created._rev)
      assert.deepEqual(await suite.openidm.read(suite.path(suite.id('a'))), updated)
    })

    it('at the current revision only', async () => {
      const created = await suite.create('a')
      const path = suite.path(suite.id('a'))
      const updated = await suite.openidm.update(path, text(created._rev), { run: suite.run, x: 1 })
      await assert.rejects(suite.openidm.update(path, text(created._rev), { run: suite.run, x: 2 }), { code: 412 })
      assert.deepEqual(await suite.openidm.read(path), updated)
    })

    it('of two writers with one revision, one wins', async () => {
      const path = suite.path(text((await suite.create('a'))._id))
      const revision = text((await suite.openidm.read(path))?._rev)
      const writes = [1, 2].map((x) => suite.openidm.update(path, revision, { run: suite.run, x }))
      const outcomes = (await Promise.allSettled(writes)).map(({ status }) => status)
      assert.deepEqual(outcomes.sort(), ['fulfilled', 'rejected'])
    })

    it('refuses what does not exist', async () =>
      assert.rejects(suite.openidm.update(suite.path(suite.id('none')), null, { run: suite.run }), { code: 404 }))
  })
}

export function describePatch(suite: ContractSuite, options: ContractOptions): void {
  describe('patch', () => {
    it('changes what it names and nothing else', async () => {
      const created = await suite.create('a', { x: 1, list: ['p', 'q', 'p'] })
      const patched = await suite.openidm.patch(suite.path(suite.id('a')), null, [
        { operation: 'increment', field: '/x', value: 2 },
        { operation: 'remove', field: '/list', value: 'p' },
        { operation: 'add', field: '/list/-', value: 'r' },
      ])
      assert.deepEqual([patched.x, patched.list, patched.run], [3, ['q', 'r'], suite.run])
      assert.notEqual(patched._rev, created._rev)
      assert.deepEqual(await suite.openidm.read(suite.path(suite.id('a'))), patched)
    })

    it('add appends a list to the one that is there', async () => {
      await suite.create('a', { list: ['p', 'q'] })
      const add = [{ operation: 'add', field: '/list', value: ['q', 'r'] }]
      assert.deepEqual((await suite.openidm.patch(suite.path(suite.id('a')), null, add)).list, ['p', 'q', 'q', 'r'])
    })

    it('all or nothing', async () => {
      const created = await suite.create('a', { list: [1] })
      const operations = [
        { operation: 'replace', field: '/x', value: 1 },
        { operation: 'replace', field: '/list/0', value: 2 },
      ]
      await assert.rejects(suite.openidm.patch(suite.path(suite.id('a')), null, operations), { code: 400 })
      assert.deepEqual(await suite.openidm.read(suite.path(suite.id('a'))), created)
    })

    it('at the current revision only', async () => {
      const created = await suite.create('a')
      const patch = (x: number) =>
        suite.openidm.patch(suite.path(suite.id('a')), text(created._rev), [
          { operation: 'replace', field: '/x', value: x },
        ])
      assert.equal((await patch(1)).x, 1)
      await assert.rejects(patch(2), { code: 412 })
    })

    when(options.quietPatch)('that changes nothing keeps the revision', async () => {
      const created = await suite.create('a', { x: 1 })
      const operation = { operation: 'replace', field: '/x', value: 1 }
      assert.deepEqual(await suite.openidm.patch(suite.path(suite.id('a')), null, [operation]), created)
    })

    it('refuses what does not exist', async () =>
      assert.rejects(suite.openidm.patch(suite.path(suite.id('none')), null, []), { code: 404 }))
  })
}

export function describeDelete(suite: ContractSuite): void {
  describe('delete', () => {
    it('answers with what it deleted', async () => {
      const created = await suite.create('a', { x: 1 })
      const path = suite.path(suite.id('a'))
      assert.deepEqual(await suite.openidm.delete(path, null), created)
      assert.equal(await suite.openidm.read(path), null)
      await assert.rejects(suite.openidm.delete(path, null), { code: 404 })
    })

    it('at the current revision only', async () => {
      const created = await suite.create('a')
      const path = suite.path(suite.id('a'))
      await suite.openidm.patch(path, null, [{ operation: 'add', field: '/x', value: 1 }])
      await assert.rejects(suite.openidm.delete(path, text(created._rev)), { code: 412 })
      assert.equal((await suite.openidm.read(path))?.x, 1)
    })

    it('leaves the id free', async () => {
      await suite.create('a')
      await suite.openidm.delete(suite.path(suite.id('a')), null)
      assert.equal((await suite.create('a', { x: 2 })).x, 2)
    })
  })
}
