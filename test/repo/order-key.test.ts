import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Json } from '../../lib/contract.ts'
import { compareValues } from '../../lib/crest/filter/compare.ts'
import { ABSENT, coarse, orderKey, prefixEnd, typeEnd, typeStart } from '../../lib/repo/objects/order-key.ts'
import { values } from './arbitraries.ts'

const sign = (number: number): number => Math.sign(number) + 0
const bytes = (left: string, right: string): number => Buffer.compare(Buffer.from(left), Buffer.from(right))
/** Null is never sorted by. */
const sortable = values.filter((value): value is Exclude<Json, null> => value !== null)
const units = fc.string({ unit: fc.integer({ max: 0xffff }).map((code) => String.fromCharCode(code)), maxLength: 5 })

describe('order keys', () => {
  it('sort as the values do, as bytes and as texts of JavaScript', () =>
    fc.assert(
      fc.property(fc.oneof(sortable, units), fc.oneof(sortable, units), (left, right) => {
        const order = sign(compareValues(left, right))
        const [leftKey, rightKey] = [orderKey(left), orderKey(right)]
        assert.equal(bytes(leftKey, rightKey), order)
        assert.ok(!leftKey.includes('\0'))
        assert.equal(leftKey < rightKey ? -1 : Number(leftKey > rightKey), order)
      }),
      { numRuns: 5000 },
    ))

  it('every character is folded as crest folds it', () => {
    const characters = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code))
    for (const character of characters)
      for (const other of [character.toUpperCase(), character.toLowerCase()])
        assert.equal(
          orderKey(character) === orderKey(other),
          compareValues(character, other) === 0,
          JSON.stringify(character),
        )
  })

  it('numbers of either sign, large and small', () => {
    const numbers = [
      -Number.MAX_VALUE,
      -1e21,
      -10,
      -9,
      -1,
      -0.5,
      -Number.MIN_VALUE,
      0,
      Number.MIN_VALUE,
      0.5,
      1,
      9,
      10,
      1e21,
    ]
    const keys = numbers.map(orderKey)
    assert.deepEqual([...keys].sort(), keys)
    assert.equal(orderKey(-0), orderKey(0))
  })

  it('lie between the ends of their type and before ABSENT; cut short they sort no finer', () => {
    fc.assert(
      fc.property(sortable, sortable, (left, right) => {
        const key = orderKey(left)
        assert.ok(typeStart(left) <= key && key < typeEnd(left) && key < ABSENT && key < prefixEnd(key))
        const order = bytes(coarse(key), coarse(orderKey(right)))
        assert.ok(order === 0 || order === sign(compareValues(left, right)))
      }),
    )
    const long = 'x'.repeat(1000)
    assert.equal(coarse(orderKey(long)), coarse(orderKey(`${long}y`)))
  })

  it('a text starts with ASCII letters only if its key does', () => {
    for (let code = 0; code < 0x10000; code++) {
      const character = String.fromCharCode(code)
      const [small = ''] = character.toLowerCase()
      if (small.charCodeAt(0) < 0x80)
        assert.ok(orderKey(character).startsWith(orderKey(small)), JSON.stringify(character))
    }
  })
})
