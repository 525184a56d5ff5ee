import assert from 'node:assert/strict'
import { compareVariants, ratioOf, ratioText, type Variant } from '../../bench/abba.ts'

/** Costs 100 times `factor`, and up to 4 % more or less, by a generator with a fixed seed. */
function variant(name: string, factor: number, calls: string[] = []): Variant {
  let seed = name.charCodeAt(0)
  const noise = () => {
    seed = (seed * 16_807) % 2_147_483_647
    return 1 + 0.08 * (seed / 2_147_483_647 - 0.5)
  }
  return {
    name,
    async start() {
      calls.push(`start ${name}`)
      const measure = async () => {
        calls.push(name)
        return { cpu: 100 * factor * noise() }
      }
      const stop = async () => void calls.push(`stop ${name}`)
      return { measure, stop }
    },
  }
}

describe('ABBA comparison', () => {
  it('measures fresh processes of a block in the order A B B A', async () => {
    const calls: string[] = []
    const options = { metrics: ['cpu'], rounds: 2, maxBlocks: 1 }
    await compareVariants(variant('A', 1, calls), [variant('B', 1, calls)], options)
    assert.equal(calls.join(), 'start A,start B,A,B,B,A,A,B,B,A,stop A,stop B')
  })

  for (const [title, factor, sees] of [
    ['a variant that costs the same', 1, false],
    ['a variant that costs 3 % more', 1.03, true],
  ] as const)
    it(`adds blocks until the interval is narrow: ${title}`, async () => {
      const options = { metrics: ['cpu'], maxBlocks: 50 }
      const comparison = await compareVariants(variant('A', 1), [variant('B', factor)], options)
      const { ratio, low, high, n } = comparison.get('B')?.cpu ?? assert.fail()
      assert.ok(Math.log(high / low) / 2 <= 0.015, `${low} to ${high}`)
      assert.ok(n >= 5 && n < 50, String(n))
      assert.ok(low <= 1 / factor && 1 / factor <= high, String(ratio))
      assert.equal(high < 1, sees)
    })

  it('ends at the limit of blocks', async () => {
    const comparison = await compareVariants(variant('A', 1), [variant('B', 1)], { metrics: ['none'], maxBlocks: 3 })
    assert.equal(comparison.get('B')?.cpu?.n, 3)
  })

  // Quantiles of a table of Student's t: 12.706, 4.303, 3.182, 2.262, 2.045.
  for (const [n, quantile] of [
    [2, 12.706],
    [3, 4.303],
    [4, 3.182],
    [10, 2.262],
    [30, 2.045],
  ] as const)
    it(`takes the 95 % interval of ${n} blocks from Student's t`, () => {
      const logs = Array.from({ length: n }, (_, index) => (index - (n - 1) / 2) / 100)
      const deviation = Math.sqrt(logs.reduce((sum, log) => sum + log * log, 0) / (n - 1))
      const { high } = ratioOf(logs)
      const found = (Math.log(high) * Math.sqrt(n)) / deviation
      assert.ok(Math.abs(found / quantile - 1) < 0.01, String(found))
    })

  it('prints ratio, interval and number of blocks', () => {
    assert.equal(ratioText({ ratio: 1.02, low: 0.99, high: 1.05, n: 8 }), '1.020 [0.990, 1.050], n=8')
  })
})
