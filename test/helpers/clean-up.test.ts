import assert from 'node:assert/strict'
import { cleanUpAll, onCleanUp, ownedBySuite } from './clean-up.ts'

describe('clean-up', () => {
  const order: string[] = []

  describe('of a test', () => {
    it('registers', () => {
      onCleanUp(() => order.push('first'))
      onCleanUp(async () => {
        await Promise.resolve()
        order.push('second')
      })
    })

    it('ran before the next test, last in, first out, awaited', () => {
      assert.deepEqual(order, ['second', 'first'])
    })
  })

  describe('of a suite', () => {
    ownedBySuite()

    before(() => {
      order.length = 0
      onCleanUp(() => order.push('suite'))
    })

    it('does not run behind the first test', () => {
      onCleanUp(() => order.push('test'))
    })

    it('does not run before the second', () => {
      assert.deepEqual(order, ['test'])
    })
  })

  describe('behind a suite', () => {
    it('ran', () => {
      assert.deepEqual(order, ['test', 'suite'])
    })
  })

  it('goes on behind a failure and reports it', async () => {
    const ran: string[] = []
    const failing = (): never => {
      throw new Error('stuck')
    }
    await assert.rejects(
      cleanUpAll([() => ran.push('first'), failing, () => ran.push('last')]),
      /clean-up failed.*stuck/,
    )
    assert.deepEqual(ran, ['last', 'first'])
  })
})
