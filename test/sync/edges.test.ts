import assert from 'node:assert/strict'
import type { Json } from '../../lib/contract.ts'
import type { FieldChange } from '../../lib/repo/runs/run-row.ts'
import {
  edgeOperations,
  edgesAfter,
  lingering,
  remaining,
  splitEdges,
} from '../../lib/sync/relationships/edge-operations.ts'
import { edgesOf, reference } from '../../lib/sync/relationships/edges.ts'

const ref = (id: string) => ({ _ref: `managed/role/${id}` })
const edge = (id: string, own = `e-${id}`) => ({ ...ref(id), _refProperties: { _id: own, _rev: '1' } })
const change = (from: Json, to: Json, field = '/roles'): FieldChange => ({
  ...{ field, from, to },
  edges: { kept: 0, missing: [], missingCount: 0, openCount: 0 },
})

describe('edges', () => {
  const far = (value: Json | undefined) => edgesOf(value)?.map(({ collection, id }) => `${collection} ${id}`)

  const READ: readonly (readonly [what: string, value: Json | undefined, far: string[] | undefined])[] = [
    ['a list', [ref('a'), ref('b')], ['managed/role a', 'managed/role b']],
    ['a single reference', ref('a'), ['managed/role a']],
    ['an escaped id', ref('a%2Fb%20c'), ['managed/role a/b c']],
    [
      'its own parts first',
      { _ref: 'x/y', _refResourceCollection: 'managed/role', _refResourceId: 'a' },
      ['managed/role a'],
    ],
    ['an empty list', [], []],
    ['null', null, []],
    ['an object without members', {}, []],
    ['nothing, which is not shown', undefined, undefined],
    ['something else', ['a'], undefined],
    ['a reference among others that is none', [ref('a'), { name: 'b' }], undefined],
    ['a reference without collection', { _ref: 'a' }, undefined],
    ['a reference that is no path', { _ref: 'managed//a' }, undefined],
  ]
  for (const [what, value, expected] of READ) it(`are read from ${what}`, () => assert.deepEqual(far(value), expected))

  it('are written with their ids escaped, and the properties that are set', () => {
    const [own] = edgesOf({ ...ref('x'), _refProperties: { a: 1, b: '', c: 2 } }) ?? []
    assert.ok(own)
    assert.deepEqual(reference('managed/role', 'a/b', own, ['a', 'b', 'd']), {
      _ref: 'managed/role/a%2Fb',
      _refProperties: { a: 1 },
    })
    assert.deepEqual(reference('managed/role', 'a', own, []), ref('a'))
  })
})

describe('what is left of changed edges', () => {
  const left = (from: Json, to: Json, now: Json | undefined, field = '/roles') =>
    remaining([change(from, to, field)], now === undefined ? {} : { [field.slice(1)]: now })?.map((one) => [
      one.from,
      one.to,
    ])

  const LEFT: readonly (readonly [
    what: string,
    from: Json,
    to: Json,
    now: Json | undefined,
    left: Json | undefined,
  ])[] = [
    ['all, where nothing was done', [edge('a')], [ref('b')], [edge('a')], [[[edge('a')], [ref('b')]]]],
    ['what is not there yet', null, [ref('a'), ref('b')], [edge('a')], [[null, [ref('b')]]]],
    [
      'what is still there, as it is now',
      [edge('a'), edge('b')],
      null,
      [{ ...edge('b'), x: 1 }],
      [[[{ ...edge('b'), x: 1 }], null]],
    ],
    ['nothing, where all was done', [edge('a')], [ref('b')], [edge('b')], []],
    ['an edge that is replaced', [edge('a')], [ref('a')], [edge('a')], [[[edge('a')], [ref('a')]]]],
    ['nothing of an edge that another one has replaced', [edge('a')], [ref('a')], [edge('a', 'new')], []],
    ['all, where the list is not shown', [edge('a')], [ref('b')], undefined, [[[edge('a')], [ref('b')]]]],
    ['a reference that is as it was', edge('a'), ref('b'), edge('a', 'x'), [[edge('a', 'x'), ref('b')]]],
    ['nothing of a reference that is set', edge('a'), ref('b'), edge('b'), []],
    ['nothing of a reference that is gone', edge('a'), null, null, []],
    ['unknown of a reference to another object', edge('a'), ref('b'), edge('c'), undefined],
  ]
  for (const [what, from, to, now, expected] of LEFT) it(what, () => assert.deepEqual(left(from, to, now), expected))

  it('is sent removals first, and in parts', () => {
    const { now, later } = splitEdges([change([edge('a')], [ref('a'), ref('b'), ref('c')])], 2)
    assert.deepEqual(edgeOperations(now), [
      { operation: 'remove', field: '/roles', value: edge('a') },
      { operation: 'add', field: '/roles/-', value: ref('a') },
    ])
    assert.deepEqual(
      later.map(({ from, to }) => [from, to]),
      [[null, [ref('b'), ref('c')]]],
    )
  })

  it('is one operation for a single reference', () => {
    assert.deepEqual(edgeOperations([change(edge('a'), ref('b'), '/manager')]), [
      { operation: 'replace', field: '/manager', value: ref('b') },
    ])
    assert.deepEqual(edgeOperations([change(edge('a'), null, '/manager')]), [
      { operation: 'remove', field: '/manager' },
    ])
  })

  it('is a complete list in a whole object', () => {
    assert.deepEqual(edgesAfter(change([edge('a')], [ref('c')]), [edge('a'), edge('b')]), [edge('b'), ref('c')])
    assert.deepEqual(edgesAfter(change(null, [ref('c')]), null), [ref('c')])
  })

  it('is removed by its id where the target shows it still', () => {
    const changes = [change([edge('a'), edge('b')], null)]
    assert.deepEqual(lingering(changes, { roles: [edge('b'), edge('c')] }), [{ field: ['roles'], id: 'e-b' }])
  })
})
