/** PATCH bodies: each is applied or refused, soon, and what comes of it is bounded by what was sent. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Json } from '../../lib/contract.ts'
import { MAX_NESTING, MAX_PATCH_COPIED } from '../../lib/core/bounds.ts'
import { ResourceException } from '../../lib/crest/errors.ts'
import { applyPatch, parsePatch } from '../../lib/crest/protocol/patch.ts'
import { quickly, type Target } from './target.ts'

const name = fc.constantFrom('a', 'b', 'list', '-', '0', '__proto__', '', 'k1')
const pointer = fc.oneof(
  fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `/${names.join('/')}`),
  fc.constantFrom('/a', '/list', '/list/-', `${'/a'.repeat(300)}`),
)
const value = fc.oneof(
  fc.constantFrom<Json>(1, 'x', true, { x: 1 }, [1, 2], [], {}, 'x'.repeat(1000)),
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>,
)
const operation = fc.record(
  {
    operation: fc.constantFrom('add', 'remove', 'replace', 'increment', 'copy', 'move', 'transform', 'Add'),
    field: pointer,
    from: pointer,
    value,
  },
  { requiredKeys: ['operation', 'field'] },
)
/** Copies of a value into itself double it. */
const doubling = fc
  .tuple(value, fc.integer({ min: 1, max: 18 }), fc.constantFrom('copy', 'move'))
  .map(([start, count, kind]): Json[] => [
    { operation: 'add', field: '/a', value: { x: start } },
    ...Array.from({ length: count }, (_, i) => ({ operation: kind, from: '/a', field: `/a/k${i}` })),
  ])
const many = fc
  .tuple(operation, fc.constantFrom(1, 100, 6000))
  .map(([one, count]) => Array.from({ length: count }, () => one))
const body = fc.oneof(fc.array(operation, { maxLength: 6 }), doubling, many, fc.jsonValue()) as fc.Arbitrary<Json>

function depthOf(json: Json): number {
  if (typeof json !== 'object' || json === null) return 0
  return 1 + Math.max(0, ...Object.values(json).map(depthOf))
}

export const patches: Target = {
  name: 'PATCH bodies',
  quickRuns: 500,
  async start() {
    return fc.property(body, (operations) => {
      const object = { a: { b: 'x' }, list: Array.from({ length: 200 }, (_, i) => ({ _ref: `${i}` })) }
      const before = JSON.stringify(object)
      const result = quickly(() => {
        try {
          return applyPatch(object, parsePatch(operations))
        } catch (error) {
          if (error instanceof ResourceException && error.code >= 400 && error.code <= 501) return undefined
          throw error
        }
      })
      assert.equal(JSON.stringify(object), before, 'the object itself stays as it was')
      if (!result) return
      const most = before.length + JSON.stringify(operations).length + MAX_PATCH_COPIED * 2
      assert.ok(JSON.stringify(result).length <= most, `${JSON.stringify(result).length} characters came of it`)
      assert.ok(depthOf(result) <= MAX_NESTING + 1)
    })
  },
}
