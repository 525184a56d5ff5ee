import assert from 'node:assert/strict'
import { fuzz } from './target.ts'
import { TARGETS } from './targets.ts'

/** A second or two each; `npm run fuzz -- --minutes N` goes on from there. */
describe('fuzz', () => {
  for (const target of TARGETS) {
    it(target.name, async () => {
      const seed = Math.floor(Math.random() * 2 ** 31)
      const { failure } = await fuzz(target, { seed, numRuns: target.quickRuns })
      assert.equal(failure, undefined, `seed ${seed}\n${failure}`)
    })
  }
})
