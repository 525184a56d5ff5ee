import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Json } from '../../lib/contract.ts'
import { copyJson } from '../../lib/core/json.ts'

describe('a copy of JSON', () => {
  it('says the same', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const parsed = JSON.parse(JSON.stringify(value)) as Json
        assert.equal(JSON.stringify(copyJson(parsed)), JSON.stringify(parsed))
      }),
    )
  })

  it('shares nothing', () => {
    const value = { list: [{ name: 'a' }] }
    const copy = copyJson(value)
    copy.list[0] = { name: 'b' }
    assert.deepEqual(value, { list: [{ name: 'a' }] })
  })

  it('keeps a member __proto__ as a member', () => {
    const text = '{"__proto__":{"admin":true}}'
    const copy = copyJson(JSON.parse(text) as Json)
    assert.equal((copy as Record<string, unknown>).admin, undefined)
    assert.equal(JSON.stringify(copy), text)
  })
})
