import assert from 'node:assert/strict'
import { OptionValues, UsageError } from '../../lib/cli/command.ts'

describe('the count of an option', () => {
  it('is a whole number within its bounds, or absent', () => {
    assert.equal(new OptionValues({ workers: '1' }).count('workers', 64), 1)
    assert.equal(new OptionValues({ workers: '64' }).count('workers', 64), 64)
    assert.equal(new OptionValues({}).count('workers', 64), undefined)
  })

  for (const value of ['0', '65', '-1', '1.5', 'two', '', '1e1', ' 2']) {
    it(`is not ${JSON.stringify(value)}`, () => {
      const message = `--workers: must be a whole number from 1 to 64, found ${JSON.stringify(value)}`
      assert.throws(() => new OptionValues({ workers: value }).count('workers', 64), new UsageError(message))
    })
  }
})
