import assert from 'node:assert/strict'
import { rowFilter } from '../../lib/cli/recon/row-selection.ts'
import { matches } from '../../lib/crest/filter/evaluate.ts'
import { parseQueryFilter } from '../../lib/crest/filter/query-filter.ts'

describe('the rows of a plan that change a field', () => {
  const row = (field: string) => ({ changes: [{ field, from: null, to: 1 }] })
  for (const [field, isShown] of [
    ['/address', true],
    ['/address/city', true],
    ['/addresses', false],
  ] as const)
    it(`--field address ${isShown ? 'shows' : 'leaves out'} ${field}`, () =>
      assert.equal(matches(parseQueryFilter(rowFilter({ field: 'address' })), row(field)), isShown))

  it('are found by ids with quotes and backslashes', () => {
    const id = 'a"b\\c'
    assert.equal(matches(parseQueryFilter(rowFilter({ id })), { sourceObjectId: id }), true)
  })
})
