import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseJson } from '../../lib/core/json.ts'
import {
  addNumbers,
  compareNumbers,
  isLongNumber,
  isWhole,
  type LongNumber,
  textOf,
  toDouble,
  truncate,
} from '../../lib/core/long-number.ts'
import { numbers } from '../helpers/json-text.ts'

const read = (text: string) => parseJson(text) as number | LongNumber
const sign = (order: number): number => Math.sign(order) + 0

describe('a long number', () => {
  const ordered = [
    '-1e400',
    '-9007199254740993',
    '-9007199254740992',
    '-1.00000000000000000001',
    '-1',
    '-1e-400',
    '0',
    '1e-400',
    '5e-324',
    '0.99999999999999999999',
    '1',
    '1.00000000000000000001',
    '9007199254740992',
    '9007199254740993',
    '9007199254740994',
    '1.7976931348623157e308',
    '1e400',
    '12e400',
  ]
  it('has its place among doubles', () => {
    for (const [place, left] of ordered.entries())
      for (const [other, right] of ordered.entries())
        assert.equal(sign(compareNumbers(read(left), read(right))), Math.sign(place - other), `${left} ${right}`)
  })

  it('is equal to itself in another spelling', () => {
    for (const [left, right] of [
      ['12345678901234567890', '1234567890123456789.0e1'],
      ['1e400', '0.10E401'],
      ['1.00000000000000000001', '100000000000000000001e-20'],
    ] as const)
      assert.equal(compareNumbers(read(left), read(right)), 0)
  })

  const sums: [left: string, right: string, sum: string][] = [
    ['9007199254740993', '1', '9007199254740994'],
    ['9007199254740992', '1', '9007199254740993'],
    ['12345678901234567890', '-12345678901234567890', '0'],
    ['12345678901234567890', '-12345678901234567889', '1'],
    ['0.1000000000000000000001', '0.2', '0.3000000000000000000001'],
    ['0.1', '0.2', '0.30000000000000004'],
    ['1e400', '1e400', '2e400'],
    ['-1.00000000000000000001', '1', '-0.00000000000000000001'],
    ['1', '2', '3'],
  ]
  for (const [left, right, sum] of sums)
    it(`${left} + ${right} = ${sum}`, () =>
      assert.equal(compareNumbers(addNumbers(read(left), read(right)), read(sum)), 0))

  it('is not added to one of quite another size', () =>
    assert.throws(() => addNumbers(read('1e1000000000'), 1), RangeError))

  it('sums of whole numbers are those of BigInt', () =>
    fc.assert(
      fc.property(fc.bigInt({ max: 2n ** 90n, min: -(2n ** 90n) }), fc.bigInt(), (left, right) => {
        const sum = addNumbers(read(String(left)), read(String(right)))
        assert.equal(compareNumbers(sum, read(String(left + right))), 0, textOf(sum))
      }),
    ))

  it('the order and the text of numbers are those of their doubles, where these differ', () =>
    fc.assert(
      fc.property(numbers, numbers, (left, right) => {
        const order = toDouble(read(left)) - toDouble(read(right))
        if (order !== 0 && !Number.isNaN(order))
          assert.equal(sign(compareNumbers(read(left), read(right))), sign(order))
        if (isLongNumber(read(left))) assert.equal(textOf(read(left)), left)
      }),
    ))

  it('is whole when it has no fraction', () => {
    for (const [text, whole] of [
      ['9007199254740993', '9007199254740993'],
      ['-3.14159265358979323846', '-3'],
      ['9007199254740993.5', '9007199254740993'],
      ['1e400', '1e400'],
      ['1e-400', '0'],
    ] as const) {
      assert.equal(isWhole(read(text)), text === whole)
      assert.equal(compareNumbers(truncate(read(text)), read(whole)), 0)
    }
  })
})
