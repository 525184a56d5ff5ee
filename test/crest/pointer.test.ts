import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Json } from '../../lib/contract.ts'
import { getAt, parsePointer, printPointer } from '../../lib/crest/pointer.ts'

describe('JSON pointer', () => {
  const read: [text: string, pointer: string[]][] = [
    ['userName', ['userName']],
    ['/address/city', ['address', 'city']],
    ['/a//b', ['a', '', 'b']],
    ['//', ['']],
    ['/a~1b', ['a~1b']],
    ['/a%7Eb', ['a~b']],
    ['/a[0]', ['a[0]']],
    ['/roles/*/name', ['roles', '*', 'name']],
    ['/list/-', ['list', '-']],
    ['/a/%5F_proto__/constructor', ['a', '__proto__', 'constructor']],
  ]
  for (const [text, pointer] of read) it(`reads ${text}`, () => assert.deepEqual(parsePointer(text), pointer))

  const refused: [text: string, message: RegExp][] = [
    ['/a b', /illegal character or escape at 1/],
    ['/a"b', /illegal character/],
    ['/a\\b', /illegal character/],
    ['/a#b', /illegal character/],
    ['/%FF', /not percent-encoded UTF-8/],
    ['/a%zz', /escape at 1/],
  ]
  for (const [text, message] of refused)
    it(`refuses ${text}`, () => assert.throws(() => parsePointer(text), { code: 400, message }))

  it('names a hostile text in part only', () =>
    assert.throws(
      () => parsePointer(`/${'x'.repeat(100_000)}|`),
      (error: Error) => error.message.length < 400,
    ))

  it('prints what it reads back', () => {
    const name = fc.string({ unit: 'grapheme' })
    fc.assert(fc.property(fc.array(name), (pointer) => assert.deepEqual(parsePointer(printPointer(pointer)), pointer)))
  })

  it('prints nothing that ends a word of a filter or a member of a list', () =>
    assert.equal(printPointer(['a (b), [c] #d']), '/a%20%28b%29%2C%20%5Bc%5D%20%23d'))

  const object: Json = { a: { b: [10, { c: null }] }, '-': 1, '': 2 }
  it('finds a member __proto__ that an object of JSON has', () =>
    assert.equal(getAt(JSON.parse('{"__proto__":{"x":1}}') as Json, ['__proto__', 'x']), 1))

  const found: [pointer: string[], value: Json | undefined][] = [
    [[], object],
    [['a', 'b', '0'], 10],
    [['a', 'b', '1', 'c'], null],
    [['a', 'b', '2'], undefined],
    [['a', 'b', '-1'], undefined],
    [['a', 'b', 'length'], undefined],
    [['a', 'b', '0', 'c'], undefined],
    [['-'], 1],
    [[''], 2],
    [['toString'], undefined],
    [['__proto__'], undefined],
    [['constructor', 'name'], undefined],
  ]
  for (const [pointer, value] of found)
    it(`finds ${JSON.stringify(value)} at /${pointer.join('/')}`, () => assert.deepEqual(getAt(object, pointer), value))
})
