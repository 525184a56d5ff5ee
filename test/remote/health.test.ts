import assert from 'node:assert/strict'
import { Health } from '../../lib/remote/health.ts'

describe('Health', () => {
  it('begins well', () => {
    const { failing, lastError } = new Health()
    assert.deepEqual({ failing, lastError }, { failing: false, lastError: null })
  })

  it('tells the first failure from those that follow', () => {
    const health = new Health()
    assert.deepEqual([health.failed('a'), health.failed('b'), health.failed('b')], [true, false, false])
    health.succeeded()
    assert.equal(health.failed('c'), true)
  })

  it('keeps the last error after a recovery, with its time', () => {
    const health = new Health()
    const before = new Date().toISOString()
    health.failed('it refused the connection')
    health.succeeded()
    assert.equal(health.failing, false)
    assert.equal(health.lastError?.message, 'it refused the connection')
    assert.ok(before <= (health.lastError?.time ?? ''))
  })

  it('says since when it has been as it is', () => {
    const health = new Health()
    const born = health.since
    health.succeeded()
    assert.equal(health.since, born)
    health.failed('a')
    const ill = health.since
    assert.notEqual(ill, born)
    health.failed('b')
    assert.equal(health.since, ill)
    health.succeeded()
    assert.notEqual(health.since, ill)
  })
})
