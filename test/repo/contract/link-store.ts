import assert from 'node:assert/strict'
import type { NewLink } from '../../../lib/repo/links/link-store.ts'
import type { OpenRepository } from '../repositories.ts'

const link = (type: string, first: string, second: string, qualifier = 'default'): NewLink => ({
  ...{ type, qualifier, first, second },
})

export function describeLinkStore(open: OpenRepository): void {
  describe('links', () => {
    it('are added unless one of their ends is linked already', async () => {
      const links = (await open()).links()
      assert.deepEqual(await links.add([link('m', 'a', 'x'), link('m', 'b', 'x'), link('m', 'a', 'y')]), [
        true,
        false,
        false,
      ])
      const others = [link('m', 'a', 'x', 'other'), link('n', 'a', 'x'), link('m', 'a', 'x'), link('m', 'b', 'y')]
      assert.deepEqual(await links.add(others), [true, true, false, true])
      assert.deepEqual(
        (await links.byFirst('m', ['a', 'b'])).map(({ second, qualifier }) => `${second} ${qualifier}`).sort(),
        ['x default', 'x other', 'y default'],
      )
      assert.deepEqual(await links.add([]), [])
    })

    it('are counted by type', async () => {
      const links = (await open()).links()
      assert.deepEqual(await links.countByType(), [])
      await links.add([link('n', 'a', 'x'), link('m', 'a', 'x'), link('n', 'b', 'y')])
      assert.deepEqual(
        (await links.countByType()).map((one) => ({ ...one })),
        [
          { type: 'm', count: 1 },
          { type: 'n', count: 2 },
        ],
      )
    })

    it('are removed by type, some at a time', async () => {
      const links = (await open()).links()
      await links.add([link('n', 'a', 'x'), link('m', 'a', 'x'), link('n', 'b', 'y'), link('n', 'c', 'z')])
      assert.equal(await links.removeType('n', 2), 2)
      assert.equal(await links.removeType('n', 2), 1)
      assert.equal(await links.removeType('n', 2), 0)
      assert.deepEqual([await links.count('m'), await links.count('n')], [1, 0])
    })
  })
}
