import assert from 'node:assert/strict'
import { constantFrom, assert as holds, nat, property } from 'fast-check'
import { parseDuration, UNLIMITED } from '../../lib/core/time/duration.ts'

const LONGEST_MS = 2 ** 31 - 1

const READ: [string | number, number][] = [
  [10, 10_000],
  [0, 0],
  [0.5, 500],
  [0.0004, 0],
  ['10', 10_000],
  ['1.5', 1500],
  ['0', 0],
  ['10s', 10_000],
  [' 10 S ', 10_000],
  ['500 ms', 500],
  ['250 milliseconds', 250],
  ['1.5 seconds', 1500],
  ['30 seconds', 30_000],
  ['2m', 120_000],
  ['1 minute 30 seconds', 90_000],
  ['1 minute and 30 seconds', 90_000],
  ['1h, 5 min', 3_900_000],
  ['1h5m2s', 3_902_000],
  ['1 day', 86_400_000],
  ['zero', 0],
  ['unlimited', UNLIMITED],
  ['UNLIMITED', UNLIMITED],
  ['infinite', UNLIMITED],
  [1e9, LONGEST_MS],
  ['1000 days', LONGEST_MS],
]

const REFUSED: (string | number)[] = [
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  '',
  ' ',
  's',
  '-5s',
  '10 parsecs',
  '10s soon',
  'soon 10s',
  '5 5s',
  '1e3',
  '10 constructor',
  '10 __proto__',
  `${'1'.repeat(1_000_000)}!`,
  `${'1 s '.repeat(100)}`,
]

describe('parseDuration', () => {
  for (const [value, ms] of READ) {
    it(`reads ${JSON.stringify(value)} as ${ms} ms`, () => assert.equal(parseDuration(value), ms))
  }

  for (const value of REFUSED) {
    it(`takes ${JSON.stringify(value)?.slice(0, 30)} for no duration`, () =>
      assert.equal(parseDuration(value), undefined))
  }

  it('adds up parts, in whatever units and with or without spaces', () => {
    const unit = constantFrom(['ms', 1], ['sec', 1000], ['minutes', 60_000])
    holds(
      property(
        nat(1000),
        unit,
        nat(1000),
        unit,
        constantFrom('', ' '),
        (a, [first, one], b, [second, other], space) => {
          assert.equal(parseDuration(`${a}${space}${first} ${b}${space}${second}`), a * Number(one) + b * Number(other))
        },
      ),
    )
  })
})
