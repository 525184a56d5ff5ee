import assert from 'node:assert/strict'
import fc from 'fast-check'
import { matches } from '../../../lib/crest/filter/evaluate.ts'
import { matcherOf } from '../../../lib/repo/sql/objects/filter-matcher.ts'
import { contents, filters } from '../arbitraries.ts'

describe('a matcher', () => {
  it('finds what the evaluator of Common REST finds', () =>
    fc.assert(
      fc.property(fc.array(contents), filters, (objects, filter) => {
        const matcher = matcherOf(filter)
        for (const object of objects) assert.equal(matcher(object), matches(filter, object))
      }),
      { numRuns: 2000 },
    ))
})
