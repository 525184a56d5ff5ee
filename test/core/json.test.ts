import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  copyJson,
  isForbiddenName,
  isObject,
  memberOf,
  parseJson,
  parseStoredJson,
  setMember,
} from '../../lib/core/json.ts'
import { isLongNumber } from '../../lib/core/long-number.ts'
import { jsonTexts, LONG_NUMBERS, ODD_NAMES } from '../helpers/json-text.ts'

describe('parseJson', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
        const text = JSON.stringify(value)
        assert.deepEqual(parseJson(text), JSON.parse(text))
      }),
    )
  })

  it('loses no digit and no member, however the text is laid out', () => {
    fc.assert(
      fc.property(jsonTexts, fc.constantFrom(undefined, 1, '\t'), (text, indent) => {
        const laidOut = JSON.stringify(parseJson(text), null, indent)
        for (const value of [parseJson(laidOut), parseStoredJson(laidOut), copyJson(parseJson(laidOut))])
          assert.equal(JSON.stringify(value), text)
      }),
      { numRuns: 2000 },
    )
  })

  for (const number of LONG_NUMBERS)
    it(`keeps ${number}, wherever it stands`, () => {
      for (const text of [number, `[${number}]`, `{"a":${number}}`, `[0,\n\t ${number}\n]`, `{"a": ${number} }`]) {
        assert.equal(JSON.stringify(parseJson(text)), text.replace(/\s/g, ''))
        assert.equal(JSON.stringify(parseStoredJson(text)), text.replace(/\s/g, ''))
      }
    })

  it('leaves a number that a double holds a number, however it is written', () => {
    const texts = [
      '1.0',
      '1e3',
      '-0',
      '100E-2',
      '1.00000000000000000000',
      '0e999',
      '9007199254740992',
      '1e21',
      '0.1',
      '5e-324',
    ]
    for (const text of texts) assert.equal(parseJson(`[${text}]`)?.[0 as never], Number(text), text)
    assert.equal(parseJson('1e21'), 1e21)
  })

  it('is not misled by texts that hold numbers', () => {
    const value = [': 1234567890123456789', '[1e400', ',0.12345678901234567890', 9007199254740991]
    assert.deepEqual(parseJson(JSON.stringify(value)), value)
  })

  for (const name of ODD_NAMES)
    it(`keeps a member ${name} as an own member, also escaped`, () => {
      const escaped = `\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}`
      for (const text of [`[{"a":{"${name}":{"x":1}}}]`, `[{"a":{"${escaped}":{"x":1}}},12345678901234567890]`]) {
        const [first] = parseJson(text) as [{ a: Record<string, unknown> }]
        assert.deepEqual(Object.entries(first.a), [[name, { x: 1 }]])
        assert.equal(Object.getPrototypeOf(first.a), Object.prototype)
      }
    })

  it('throws a RangeError for what is nested too deeply, whatever it is', () => {
    for (const inner of ['1', '12345678901234567890']) {
      const nested = (levels: number) => `${'[{"a":'.repeat(levels / 2)}${inner}${'}]'.repeat(levels / 2)}`
      assert.doesNotThrow(() => parseJson(nested(500)))
      assert.doesNotThrow(() => parseStoredJson(nested(510)))
      assert.throws(() => parseJson(nested(502)), new RangeError('it is nested more than 500 levels deep'))
      assert.throws(() => parseJson(nested(40_000)), RangeError)
    }
  })

  it('throws a SyntaxError for what is no JSON', () => {
    for (const text of ['', '{', '{a:1}', 'undefined', '01', '[1e400'])
      assert.throws(() => parseJson(text), SyntaxError)
  })
})

describe('isForbiddenName', () => {
  it('knows the names that reach a prototype, and no others', () => {
    for (const name of ['__proto__', 'constructor', 'prototype']) assert.equal(isForbiddenName(name), true)
    for (const name of ['', '_proto_', 'toString', 'Constructor']) assert.equal(isForbiddenName(name), false)
  })
})

describe('isObject', () => {
  it('is true for objects alone', () => {
    assert.equal(isObject({}), true)
    assert.equal(isObject(Object.create(null)), true)
    assert.equal(isObject({ rawJSON: '12345678901234567890' }), true)
    for (const value of [null, undefined, [], 'x', 1, true, parseJson('1e400')]) assert.equal(isObject(value), false)
  })
})

describe('members of an object', () => {
  it('are its own, whatever they are called', () => {
    for (const name of ODD_NAMES) {
      const object = {}
      assert.equal(memberOf(object, name), undefined)
      setMember(object, name, { polluted: true })
      assert.deepEqual(memberOf(object, name), { polluted: true })
      assert.deepEqual(Object.keys(object), [name])
      assert.equal(Reflect.get(object, 'polluted'), undefined)
    }
  })

  it('an object with a member rawJSON is no number', () => {
    assert.equal(isLongNumber(parseJson('{"rawJSON":"1"}')), false)
    assert.equal(JSON.stringify(parseJson('{"rawJSON":12345678901234567890}')), '{"rawJSON":12345678901234567890}')
  })
})
