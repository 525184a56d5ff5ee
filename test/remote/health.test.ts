import assert from 'node:assert/strict'
import { Health } from '../../lib/remote/http/health.ts'
import { memoryLog } from '../helpers/log.ts'

function healthAndLog() {
  const log = memoryLog()
  return { log, health: new Health('eu', log) }
}

describe('Health', () => {
  it('begins well', () => {
    const { failing, lastError } = healthAndLog().health
    assert.deepEqual({ failing, lastError }, { failing: false, lastError: null })
  })

  it('warns of the first failure; those that follow are for debugging', () => {
    const { health, log } = healthAndLog()
    const cause = new Error('connect ECONNREFUSED 10.0.0.5:8443')
    health.failed('refused', 'it refused the connection', cause)
    health.failed('refused', 'it refused the connection', cause)
    health.succeeded()
    health.failed('reset', 'it closed the connection', undefined)
    assert.deepEqual(
      log.entries.map(({ level, message }) => [level, message]),
      [
        ['warn', 'it refused the connection'],
        ['debug', 'it refused the connection'],
        ['warn', 'it closed the connection'],
      ],
    )
    const { instance, fault, err } = log.entries[0]?.details ?? {}
    assert.deepEqual([instance, fault], ['eu', 'refused'])
    assert.match(JSON.stringify(err), /10\.0\.0\.5/)
  })

  it('keeps the last error after a recovery, with its time', () => {
    const { health } = healthAndLog()
    const before = new Date().toISOString()
    health.failed('refused', 'it refused the connection', undefined)
    health.succeeded()
    assert.equal(health.failing, false)
    assert.equal(health.lastError?.message, 'it refused the connection')
    assert.ok(before <= (health.lastError?.time ?? ''))
  })

  it('says since when it has been as it is', () => {
    const { health } = healthAndLog()
    const born = health.since
    health.succeeded()
    assert.equal(health.since, born)
    health.failed('refused', 'a', undefined)
    const ill = health.since
    assert.notEqual(ill, born)
    health.failed('refused', 'b', undefined)
    assert.equal(health.since, ill)
    health.succeeded()
    assert.notEqual(health.since, ill)
  })
})
