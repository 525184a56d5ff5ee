import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Json } from '../../lib/contract.ts'
import * as bounds from '../../lib/core/bounds.ts'
import { parseQueryFilter } from '../../lib/crest/filter/query-filter.ts'
import { parsePointer } from '../../lib/crest/pointer.ts'
import { parseFields } from '../../lib/crest/protocol/fields.ts'
import { applyPatch, parsePatch } from '../../lib/crest/protocol/patch.ts'
import { parseSortKeys } from '../../lib/crest/protocol/sort.ts'
import { ADMIN, startGateway } from '../gateway/parts.ts'
import { cpuClock } from '../helpers/patience.ts'

const repeat = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))
const names = (count: number): string => repeat(count, (i) => `f${i}`).join()

/** A PATCH of 1.4 kB that would make 400 MB of an object of 12 bytes. */
const DOUBLING = [
  { operation: 'add', field: '/a', value: { x: 1 } },
  ...repeat(26, (i) => ({ operation: 'copy', from: '/a', field: `/a/k${i}` })),
]
const nested = (levels: number): Json => (levels === 0 ? 1 : { n: nested(levels - 1) })
const patch = (object: Record<string, Json>, operations: Json) => applyPatch(object, parsePatch(operations))
const LIST = repeat(10_000, (i) => ({ _ref: `managed/user/${i}` }))

const BEYOND: readonly (readonly [what: string, attack: () => unknown, code: number, bound: number])[] = [
  ['sort keys', () => parseSortKeys(names(17)), 400, bounds.MAX_SORT_KEYS],
  ['fields', () => parseFields(names(501)), 400, bounds.MAX_FIELDS],
  ['names in a pointer', () => parsePointer('/a'.repeat(501)), 400, bounds.MAX_NESTING],
  ['filter length', () => parseQueryFilter(`a eq "${'x'.repeat(300_000)}"`), 400, bounds.MAX_FILTER_LENGTH],
  ['filter nodes', () => parseQueryFilter(repeat(10_001, () => 'a pr').join(' or ')), 400, bounds.MAX_FILTER_NODES],
  ['in list', () => parseQueryFilter(`a in '[${repeat(10_001, () => 1)}]'`), 400, bounds.MAX_IN_VALUES],
  [
    'patch operations',
    () =>
      patch(
        {},
        repeat(14_000, (i) => ({ operation: 'replace', field: `/f${i}`, value: i })),
      ),
    400,
    bounds.MAX_PATCH_OPERATIONS,
  ],
  ['copies that double', () => patch({}, DOUBLING), 413, bounds.MAX_PATCH_COPIED_VALUES],
  [
    'copies of a long text',
    () =>
      patch(
        { a: 'x'.repeat(100_000) },
        repeat(100, (i) => ({ operation: 'copy', from: '/a', field: `/b${i}` })),
      ),
    413,
    bounds.MAX_PATCH_COPIED,
  ],
  [
    'moves there and back',
    () => {
      const there = { operation: 'move', from: '/a', field: '/b' }
      const back = { operation: 'move', from: '/b', field: '/a' }
      patch(
        { a: 'x'.repeat(100_000) },
        repeat(100, (i) => (i % 2 === 0 ? there : back)),
      )
    },
    413,
    bounds.MAX_PATCH_COPIED,
  ],
  [
    'an object that grows with each PATCH',
    () => patch({ a: 'x'.repeat(16_700_000) }, [{ operation: 'add', field: '/b', value: 'x'.repeat(100_000) }]),
    413,
    bounds.MAX_PATCHED_LENGTH,
  ],
  [
    'a value that is deep at a deep place',
    () => patch({}, [{ operation: 'add', field: '/n'.repeat(300), value: nested(300) }]),
    400,
    bounds.MAX_NESTING,
  ],
  [
    'depth by copies',
    () =>
      patch({}, [
        { operation: 'add', field: '/n'.repeat(300), value: 1 },
        { operation: 'copy', from: '/n', field: `${'/n'.repeat(299)}/m` },
      ]),
    400,
    bounds.MAX_NESTING,
  ],
  [
    'comparisons',
    () =>
      patch(
        { list: LIST },
        repeat(1000, (i) => ({ operation: 'remove', field: '/list', value: { _ref: `x${i}` } })),
      ),
    400,
    bounds.MAX_PATCH_COMPARISONS,
  ],
]

describe('what one request may cost', () => {
  for (const [what, attack, code, bound] of BEYOND) {
    it(`${what}: ${code}, with the bound in the message and at once`, () => {
      const spent = cpuClock()
      assert.throws(attack, { name: 'ResourceException', code, message: new RegExp(String(bound)) })
      assert.ok(spent() < 1000, `${spent()} ms`)
    })
  }

  it('leaves room for what people do', () => {
    assert.equal(parseSortKeys(names(16)).length, 16)
    assert.equal(parseFields(names(500)).length, 500)
    assert.ok(parseQueryFilter(repeat(2000, (i) => `_id eq "${i}"`).join(' or ')))
    const members = repeat(5000, (i) => ({ operation: 'add', field: '/members/-', value: { _ref: `${i}` } }))
    assert.equal((patch({ members: [] }, members).members as Json[]).length, 5000)
    const gone = repeat(10, (i) => ({ operation: 'remove', field: '/list', value: { _ref: `managed/user/${i}` } }))
    assert.equal((patch({ list: structuredClone(LIST) }, gone).list as Json[]).length, 9990)
    const photo = { photo: 'x'.repeat(16_700_000) }
    const other = { operation: 'replace', field: '/photo', value: 'y'.repeat(16_000_000) }
    assert.ok(patch(photo, [other]))
    assert.ok(patch({ a: 'x'.repeat(20_000_000) }, [{ operation: 'replace', field: '/a', value: 'x' }]))
    const large = { operation: 'replace', field: '/photo', value: 'x'.repeat(5_000_000) }
    assert.equal(String(patch({}, [large]).photo).length, 5_000_000)
  })

  it('a small PATCH cannot end the process: 413, and the object is as it was', async () => {
    const { call } = await startGateway()
    const user = { userName: 'bo', givenName: 'Bo', sn: 'Lind', mail: 'bo@example.net' }
    await call('/managed/user/bo', { method: 'PUT', json: user, headers: ADMIN })
    const answer = await call('/managed/user/bo', { method: 'PATCH', json: DOUBLING, headers: ADMIN })
    assert.equal(answer.status, 413, answer.text)
    const { json } = await call('/managed/user/bo')
    assert.equal((json as { a?: Json }).a, undefined)
  })

  it('SECURITY.md names every bound and its value', async () => {
    const text = await readFile(join(import.meta.dirname, '../../SECURITY.md'), 'utf8')
    const rows = [...text.matchAll(/^\| `(MAX_\w+)` \| ([\d,]+) \|/gm)]
    const documented = Object.fromEntries(rows.map(([, name, value]) => [name, Number(value?.replaceAll(',', ''))]))
    assert.deepEqual(documented, { ...bounds })
  })
})
