import assert from 'node:assert/strict'
import { faultsOf, z } from '../../lib/core/schema.ts'

describe('faultsOf', () => {
  it('says where each fault is, and in whose words', () => {
    const schema = z.object({ a: z.string('must be text'), b: z.array(z.object({ c: z.number('must be a number') })) })
    const { error } = schema.safeParse({ a: 1, b: [{ c: 1 }, { c: 'x' }] })
    assert.deepEqual(faultsOf(error ?? assert.fail()), [
      { path: ['a'], key: 'a', message: 'must be text' },
      { path: ['b', 1, 'c'], key: 'b.1.c', message: 'must be a number' },
    ])
  })

  it('has an empty key for the whole', () => {
    const { error } = z.object({}, 'must be an object').safeParse([])
    assert.deepEqual(faultsOf(error ?? assert.fail()), [{ path: [], key: '', message: 'must be an object' }])
  })
})
