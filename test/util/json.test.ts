import assert from 'node:assert/strict'
import { assert as holds, jsonValue, property } from 'fast-check'
import { isForbiddenMember, isObject, parseJson } from '../../lib/util/json.ts'

describe('parseJson', () => {
  it('reads what JSON.parse reads', () => {
    holds(
      property(jsonValue({ maxDepth: 3 }), (value) => {
        const text = JSON.stringify(value)
        if (!/"(__proto__|constructor|prototype)":/.test(text)) assert.deepEqual(parseJson(text), JSON.parse(text))
      }),
    )
  })

  for (const name of ['__proto__', 'constructor', 'prototype']) {
    it(`refuses a member ${name} at any depth, also escaped`, () => {
      const escaped = `\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}`
      for (const text of [`{"${name}":{}}`, `[{"a":{"${name}":1}}]`, `{"${escaped}":null}`]) {
        assert.throws(() => parseJson(text), new SyntaxError(`the member name "${name}" is not allowed`))
      }
    })
  }

  it('lets these words stand as values', () => {
    assert.deepEqual(parseJson('["__proto__","constructor"]'), ['__proto__', 'constructor'])
  })

  it('throws a RangeError for what is nested too deeply, whatever it is', () => {
    for (const inner of ['1', '"prototype"']) {
      const nested = (levels: number) => `${'[{"a":'.repeat(levels / 2)}${inner}${'}]'.repeat(levels / 2)}`
      assert.doesNotThrow(() => parseJson(nested(500)))
      assert.throws(() => parseJson(nested(502)), new RangeError('it is nested more than 500 levels deep'))
      assert.throws(() => parseJson(nested(40_000)), RangeError)
    }
  })

  it('throws a SyntaxError for what is no JSON', () => {
    for (const text of ['', '{', '{a:1}', 'undefined']) assert.throws(() => parseJson(text), SyntaxError)
  })
})

describe('isForbiddenMember', () => {
  it('knows the names that reach a prototype, and no others', () => {
    for (const name of ['__proto__', 'constructor', 'prototype']) assert.equal(isForbiddenMember(name), true)
    for (const name of ['', '_proto_', 'toString', 'Constructor']) assert.equal(isForbiddenMember(name), false)
  })
})

describe('isObject', () => {
  it('is true for objects alone', () => {
    assert.equal(isObject({}), true)
    assert.equal(isObject(Object.create(null)), true)
    for (const value of [null, undefined, [], 'x', 1, true]) assert.equal(isObject(value), false)
  })
})
