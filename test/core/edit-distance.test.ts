import assert from 'node:assert/strict'
import { assert as holds, property, string } from 'fast-check'
import { editDistance } from '../../lib/core/unknown-properties.ts'

const TABLE: [string, string, number][] = [
  ['', '', 0],
  ['', 'abc', 3],
  ['abc', '', 3],
  ['password', 'password', 0],
  ['passwrd', 'password', 1],
  ['passsword', 'password', 1],
  ['passvord', 'password', 1],
  ['passwodr', 'password', 1],
  ['instnaceUrl', 'instanceUrl', 1],
  ['clientid', 'clientId', 1],
  ['kitten', 'sitting', 3],
  ['scope', 'proxy', 4],
]

describe('editDistance', () => {
  for (const [a, b, distance] of TABLE) {
    it(`is ${distance} from "${a}" to "${b}"`, () => assert.equal(editDistance(a, b), distance))
  }

  it('is the same both ways, 0 only for equals, and never more than the longer one', () => {
    holds(
      property(string(), string(), (a, b) => {
        const distance = editDistance(a, b)
        assert.equal(distance, editDistance(b, a))
        assert.equal(distance === 0, a === b)
        assert.ok(distance <= Math.max(a.length, b.length))
      }),
    )
  })
})
