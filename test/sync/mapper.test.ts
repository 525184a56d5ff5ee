import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { JsonObject } from '../../lib/contract.ts'
import { differences } from '../../lib/sync/evaluate/difference.ts'
import { Mapper } from '../../lib/sync/evaluate/mapper.ts'
import { mappingSchema } from '../../lib/sync/mapping/mapping.ts'
import { noScripts } from '../../lib/sync/mapping/scripts.ts'

const mappingOf = (properties: readonly JsonObject[]) =>
  mappingSchema.parse({ name: 'm', source: 'a', target: 'b', properties })

const mapperOf = (properties: readonly JsonObject[]) => new Mapper(mappingOf(properties), noScripts)

const TARGETS = ['a', 'b', 'c/d', 'c/e', 'f/0', 'g/h/i']
const SOURCES = ['a', 'b', 'c', 'c/d', 'x', '']
const leaf = fc.oneof(fc.constantFrom('A', 'a', ''), fc.constantFrom(0, 1), fc.boolean(), fc.constant(null))
const value = fc.oneof(
  leaf,
  fc.array(leaf, { maxLength: 2 }),
  fc.dictionary(fc.constantFrom('d', 'e', 'h'), leaf, { maxKeys: 2 }),
)
const object = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'f', 'g', 'x'), value, { maxKeys: 5 })
const property = fc.record({ source: fc.constantFrom(...SOURCES), default: leaf }, { requiredKeys: [] })
const properties = fc
  .record(Object.fromEntries(TARGETS.map((target) => [target, property])), { requiredKeys: [] })
  .map((chosen) => Object.entries(chosen).map(([target, rest]) => ({ target, ...rest }) as JsonObject))

describe('properties without scripts', () => {
  it('leave a target as it is only where mapping would change nothing', async () => {
    const law = fc.asyncProperty(properties, object, object, async (chosen, source, target) => {
      const mapper = mapperOf(chosen)
      if (!mapper.leaves(target, source)) return
      const [mapped] = await mapper.map([{ source, onto: target, linkQualifier: 'default' }])
      assert.ok(mapped && !(mapped instanceof Error))
      assert.deepEqual(differences(target, mapped), [])
    })
    await fc.assert(law, { numRuns: 1000 })
  })

  it('see what is as it was, and what is not', () => {
    const mapper = mapperOf([{ source: 'a', target: 'b' }])
    assert.equal(mapper.leaves({ b: 1, other: 2 }, { a: 1 }), true)
    assert.equal(mapper.leaves({ b: null }, {}), true)
    assert.equal(mapper.leaves({ b: 1 }, { a: 2 }), false)
  })

  it('are not those with a condition, a script, an identity, or one that writes over another', () => {
    const script = { type: 'text/javascript', source: 'source' }
    for (const odd of [
      [{ source: 'a', target: 'a', condition: '/object/a pr' }],
      [{ source: 'a', target: 'a', transform: script }],
      [{ source: 'a', target: '_id' }],
      [
        { source: 'a', target: 'a' },
        { source: 'b', target: 'a/b' },
      ],
    ])
      assert.equal(mapperOf(odd).leaves({ a: 1, _id: 'x' }, { a: 1 }), false)
  })
})
