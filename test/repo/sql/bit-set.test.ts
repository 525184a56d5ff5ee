import assert from 'node:assert/strict'
import fc from 'fast-check'
import { BitSet } from '../../../lib/repo/sql/runs/bit-set.ts'

describe('a set of bits', () => {
  it('has what was added and nothing else, however large', () => {
    const number = fc.oneof(fc.nat(64), fc.nat(1_000_000))
    fc.assert(
      fc.property(fc.array(number), fc.array(number), (added, asked) => {
        const set = new BitSet()
        for (const one of added) set.add(one)
        for (const one of [...added, ...asked]) assert.equal(set.has(one), added.includes(one))
      }),
    )
  })
})
