import assert from 'node:assert/strict'
import { Health } from '../../lib/remote/http/health.ts'
import { memoryLog } from '../helpers/log.ts'

function healthAndLog() {
  const log = memoryLog()
  return { log, health: new Health('eu', log, { failed: () => undefined }) }
}

describe('Health', () => {
  it('begins well', () => {
    const { untried, failing, lastError } = healthAndLog().health
    assert.deepEqual({ untried, failing, lastError }, { untried: true, failing: false, lastError: null })
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
    const well = health.since
    assert.notEqual(well, born)
    health.succeeded()
    assert.equal(health.since, well)
    health.failed('refused', 'a', undefined)
    const ill = health.since
    assert.notEqual(ill, born)
    health.failed('refused', 'b', undefined)
    assert.equal(health.since, ill)
    health.succeeded()
    assert.notEqual(health.since, ill)
  })

  it('hints once at what a 403 may lack', () => {
    const log = memoryLog()
    const health = new Health('eu', log, { failed: () => undefined }, 'scope is empty')
    for (const status of [200, 403, 403]) health.succeeded(status)
    new Health('eu', log, { failed: () => undefined }).succeeded(403)
    assert.deepEqual(log.messages('warn'), ['remote instance "eu": it answered 403; scope is empty'])
    assert.equal(health.failing, false)
  })
})
