import assert from 'node:assert/strict'
import { pack, unpack } from '../../../lib/repo/sqlite/thread/rows.ts'

const rows = Array.from({ length: 20 }, (_, key) => ({ key, id: `u${key}`, content: key % 2 ? null : { a: [key] } }))

describe('rows between the threads', () => {
  const kept: [what: string, value: unknown][] = [
    ['rows', rows],
    ['few rows', rows.slice(0, 2)],
    ['rows in an answer', { rows, rest: [1, 2], cookie: null }],
    ['rows that differ in a member', [...rows, { key: 1, id: 'x', other: 1 }]],
    ['rows that lack a member', [...rows, { key: 1, id: 'x' }]],
    ['members in another order', [...rows, { id: 'x', key: 1, content: null }]],
    ['undefined members', rows.map(({ id }) => ({ id, place: undefined }))],
    ['lists', [rows.map(({ key }) => key), rows.map(({ id }) => id)]],
    ['nothing', undefined],
    ['bytes', new Uint8Array([1, 2, 3])],
  ]
  for (const [what, value] of kept)
    it(`are what they were: ${what}`, () => assert.deepEqual(unpack(structuredClone(pack(value))), value))

  it('are one list of values', () => {
    const { values } = pack(rows) as { values: unknown[] }
    assert.equal(values.length, 60)
  })
})
