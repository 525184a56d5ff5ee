import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { applyPatch, parsePatch, printPatch } from '../../lib/crest/protocol/patch.ts'

const patched = (object: JsonObject, ...operations: Json[]) => applyPatch(object, parsePatch(operations))

describe('patch', () => {
  const applied: [what: string, object: JsonObject, operation: JsonObject, result: JsonObject][] = [
    ['add makes parents', {}, { operation: 'add', field: 'a/b', value: 1 }, { a: { b: 1 } }],
    ['add makes a list for -', {}, { operation: 'add', field: '/a/-', value: 1 }, { a: [1] }],
    ['add at - nests a list', { a: [1] }, { operation: 'add', field: '/a/-', value: [2, 3] }, { a: [1, [2, 3]] }],
    [
      'add appends a list to a list',
      { a: [1] },
      { operation: 'add', field: '/a', value: [1, [2]] },
      { a: [1, 1, [2]] },
    ],
    ['add of a list is the list where there is none', {}, { operation: 'add', field: '/a', value: [1] }, { a: [1] }],
    ['add of a list replaces null', { a: null }, { operation: 'add', field: '/a', value: [1] }, { a: [1] }],
    ['add of a list replaces a single value', { a: 1 }, { operation: 'add', field: '/a', value: [2] }, { a: [2] }],
    ['add of no list replaces a list', { a: [1] }, { operation: 'add', field: '/a', value: 2 }, { a: 2 }],
    ['replace replaces a list', { a: [1] }, { operation: 'replace', field: '/a', value: [2] }, { a: [2] }],
    ['add into null', { a: null }, { operation: 'add', field: '/a/b', value: 1 }, { a: { b: 1 } }],
    [
      'add inside an element',
      { a: [{ b: 1 }] },
      { operation: 'add', field: '/a/0/c', value: 2 },
      { a: [{ b: 1, c: 2 }] },
    ],
    ['a closing slash is harmless', {}, { operation: 'replace', field: '/a/', value: 1 }, { a: 1 }],
    ['remove what is not there', { a: 1 }, { operation: 'remove', field: '/b/c' }, { a: 1 }],
    ['remove an equal value', { a: { x: [1] } }, { operation: 'remove', field: '/a', value: { x: [1] } }, {}],
    ['remove no other value', { a: 1 }, { operation: 'remove', field: '/a', value: '1' }, { a: 1 }],
    [
      'remove an equal object from a list',
      { a: [{ x: 1 }, { x: 2 }] },
      { operation: 'remove', field: '/a', value: { x: 1 } },
      { a: [{ x: 2 }] },
    ],
    ['remove at - does nothing', { a: [1] }, { operation: 'remove', field: '/a/-' }, { a: [1] }],
    ['increment downwards', { a: 5 }, { operation: 'increment', field: '/a', value: -2 }, { a: 3 }],
    ['increment a fraction', { a: 1.5 }, { operation: 'increment', field: '/a', value: 1.25 }, { a: 2.75 }],
    ['increment every element', { a: [1, 2.5] }, { operation: 'increment', field: '/a', value: 1 }, { a: [2, 3.5] }],
    ['copy', { a: { x: 1 } }, { operation: 'copy', from: '/a', field: '/b' }, { a: { x: 1 }, b: { x: 1 } }],
    [
      'copy to the end of a list',
      { a: 1, b: [0] },
      { operation: 'copy', from: '/a', field: '/b/-' },
      { a: 1, b: [0, 1] },
    ],
    ['move deeper', { a: 1, b: {} }, { operation: 'move', from: '/a', field: '/b/c' }, { b: { c: 1 } }],
    ['move what is not there', { a: 1 }, { operation: 'move', from: '/x', field: '/b' }, { a: 1 }],
  ]
  for (const [what, object, operation, result] of applied)
    it(what, () => assert.deepEqual(patched(object, operation), result))

  it('add merges into a set', () => {
    const object = { tags: ['a', { x: 1, y: 2 }], list: ['a'] }
    const operations = parsePatch([
      { operation: 'add', field: '/tags', value: ['b', 'a', { y: 2, x: 1 }, 'b', 1, '1'] },
      { operation: 'add', field: '/tags/-', value: 'a' },
      { operation: 'add', field: '/tags/-', value: 'c' },
      { operation: 'add', field: '/list', value: ['a'] },
    ])
    assert.deepEqual(
      applyPatch(object, operations, ([name]) => name === 'tags'),
      { tags: ['a', { x: 1, y: 2 }, 'b', 1, '1', 'c'], list: ['a', 'a'] },
    )
  })

  it('add appends more elements than a call can have arguments', () => {
    const value = Array.from({ length: 300_000 }, (_, index) => index)
    assert.deepEqual(patched({ a: [-1] }, { operation: 'add', field: '/a', value }), { a: [-1, ...value] })
  })

  const refused: [what: string, object: JsonObject, operation: Json, message: RegExp][] = [
    ['a position', { a: [1] }, { operation: 'replace', field: '/a/0', value: 2 }, /Position-based/],
    ['a position of two digits', { a: [1] }, { operation: 'add', field: '/a/10', value: 2 }, /Position-based/],
    ['a position to move to', { a: [1], b: 2 }, { operation: 'move', from: '/b', field: '/a/0' }, /Position-based/],
    ['a position without a list', {}, { operation: 'add', field: '/a/0/b', value: 1 }, /Expecting a Map or List/],
    ['a copy onto something', { a: 1, b: 2 }, { operation: 'copy', from: '/a', field: '/b' }, /already exists/],
    ['a copy to nowhere', { a: 1 }, { operation: 'copy', from: '/a', field: '/b/c' }, /Expecting a Map or List/],
    ['a move into itself', { a: {} }, { operation: 'move', from: '/a', field: '/a/b' }, /Expecting a Map or List/],
    ['the whole object', { a: 1 }, { operation: 'replace', field: '/', value: {} }, /whole object/],
    ['a sum with text in a list', { a: [1, 'x'] }, { operation: 'increment', field: '/a', value: 1 }, /not a number/],
    ['a move without from', { a: 1 }, { operation: 'move', field: '/b' }, /No from field provided for 'move'/],
    [
      'a move with a value',
      {},
      { operation: 'move', field: '/b', from: '/a', value: 1 },
      /'move' does not accept value/,
    ],
    ['a removal with from', {}, { operation: 'remove', field: '/b', from: '/a' }, /'remove' does not accept from/],
    ['an operation that is none', {}, 'add', /not a valid JSON patch$/],
    ['a field that is no text', {}, { operation: 'add', field: 5, value: 1 }, /'field' is not a string/],
    ['an addition of nothing', {}, { operation: 'add', field: '/a' }, /No value field provided for 'add'/],
  ]
  for (const [what, object, operation, message] of refused)
    it(`refuses ${what}`, () => assert.throws(() => patched(object, operation), { code: 400, message }))

  it('refuses a body that is no list', () => assert.throws(() => parsePatch({}), { code: 400, message: /JSON array/ }))

  it('leaves transform to configuration', () => {
    const operations = parsePatch([{ operation: 'transform', field: '/a', value: { script: {} } }])
    assert.equal(operations[0]?.operation, 'transform')
    assert.throws(() => applyPatch({ a: 1 }, operations), { code: 501 })
  })

  it('is applied in order, and all or nothing', () => {
    const object = { list: ['a'] }
    const add = { operation: 'add', field: '/list/-', value: 'b' }
    assert.deepEqual(patched(object, add, { operation: 'copy', from: '/list', field: '/copy' }), {
      list: ['a', 'b'],
      copy: ['a', 'b'],
    })
    assert.throws(() => patched(object, add, { operation: 'increment', field: '/x', value: 1 }))
    assert.deepEqual(object, { list: ['a'] })
  })

  it('shares nothing with the object or the values', () => {
    const value = { x: 1 }
    const object = { a: { y: 1 } }
    const result = patched(
      object,
      { operation: 'add', field: '/b', value },
      { operation: 'copy', from: '/a', field: '/c' },
    )
    Object.assign(result.b as object, { x: 2 })
    Object.assign(result.a as object, { y: 2 })
    assert.deepEqual([value, object, result.c], [{ x: 1 }, { a: { y: 1 } }, { y: 1 }])
  })

  describe('never reaches a prototype', () => {
    for (const name of ['__proto__', 'constructor', 'prototype']) {
      it(`adds, copies and removes ${name} as an own member`, () => {
        const added = patched(
          { a: {} },
          { operation: 'add', field: `/${name}/polluted`, value: 1 },
          { operation: 'add', field: `/a/${name}/prototype/polluted`, value: 2 },
          { operation: 'copy', from: `/${name}`, field: '/b' },
          { operation: 'move', from: `/a/${name}`, field: `/b/${name}` },
        )
        const inner = `{"polluted":1,"${name}":{"prototype":{"polluted":2}}}`
        assert.equal(JSON.stringify(added), `{"a":{},"${name}":{"polluted":1},"b":${inner}}`)
        assert.equal(
          JSON.stringify(patched(added, { operation: 'remove', field: `/${name}` })),
          `{"a":{},"b":${inner}}`,
        )
        assert.equal(Reflect.get({}, 'polluted'), undefined)
        assert.equal(Reflect.get(Object, 'polluted'), undefined)
      })

      it(`copies nothing from an inherited ${name}`, () =>
        assert.deepEqual(patched({}, { operation: 'copy', from: `/${name}`, field: '/a' }), {}))
    }

    it('an inherited member is no member', () => {
      assert.deepEqual(patched({}, { operation: 'copy', from: '/toString', field: '/a' }), {})
      assert.deepEqual(patched({}, { operation: 'add', field: '/toString/a', value: 1 }), { toString: { a: 1 } })
    })
  })

  it('prints operations that are read back alike', () => {
    const operations = parsePatch([
      { operation: 'add', field: '/a b'.replace(' ', '%20'), value: { x: [1] } },
      { operation: 'remove', field: '/a' },
      { operation: 'move', field: '/b', from: '/c/d' },
    ])
    assert.deepEqual(parsePatch(printPatch(operations)), operations)
  })

  it('whatever fails, fails as a bad request and changes nothing', () => {
    const pointer = fc
      .array(fc.constantFrom('a', 'b', '0', '-', '__proto__'), { maxLength: 3 })
      .map((names) => `/${names.join('/')}`)
    const operation = fc.record(
      {
        operation: fc.constantFrom('add', 'remove', 'replace', 'increment', 'move', 'copy'),
        field: pointer,
        from: pointer,
        value: fc.jsonValue({ maxDepth: 2 }),
      },
      { requiredKeys: ['operation', 'field'] },
    )
    fc.assert(
      fc.property(fc.array(operation), (operations) => {
        const object = { a: [1, { b: 2 }], b: { a: 'x' } }
        try {
          patched(object, ...(JSON.parse(JSON.stringify(operations)) as Json[]))
        } catch (error) {
          assert.equal((error as { code?: number }).code, 400)
        }
        assert.deepEqual(object, { a: [1, { b: 2 }], b: { a: 'x' } })
      }),
    )
  })
})
