import assert from 'node:assert/strict'
import { ExpiringCache } from '../../../lib/gateway/access/expiring-cache.ts'

describe('expiring cache', () => {
  it('forgets what has expired', () => {
    let now = 0
    const cache = new ExpiringCache<string>(10, () => now)
    cache.set('a', 'A', 100)
    cache.set('b', 'B', 0)
    now = 99
    assert.equal(cache.get('a'), 'A')
    assert.equal(cache.get('b'), undefined)
    now = 100
    assert.equal(cache.get('a'), undefined)
    assert.equal(cache.size, 0)
  })

  it('makes room by what was used longest ago', () => {
    const cache = new ExpiringCache<number>(2)
    cache.set('a', 1, 1000)
    cache.set('b', 2, 1000)
    assert.equal(cache.get('a'), 1)
    cache.set('c', 3, 1000)
    assert.deepEqual([cache.get('a'), cache.get('b'), cache.get('c'), cache.size], [1, undefined, 3, 2])
  })
})
