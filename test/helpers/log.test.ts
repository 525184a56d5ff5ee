import assert from 'node:assert/strict'
import { Secret } from '../../lib/core/secret.ts'
import { memoryLog } from './log.ts'

describe('memory log', () => {
  it('records every level', () => {
    const log = memoryLog()
    for (const level of ['trace', 'debug', 'info', 'warn', 'error'] as const) log[level]({ of: level }, `at ${level}`)
    log.info({ only: 'details' })
    assert.deepEqual(log.entries[3], { level: 'warn', message: 'at warn', details: { of: 'warn' } })
    assert.deepEqual(log.messages('info'), ['at info', ''])
    assert.equal(log.messages().length, 6)
    log.clear()
    assert.equal(log.text, '')
  })

  it('shows what pino shows: the inside of an error, but of no secret', () => {
    const log = memoryLog()
    const err = Object.assign(new Error('refused'), { headers: { authorization: 'Bearer canary-1' } })
    log.error({ err, password: new Secret('canary-2') }, 'failed')
    assert.match(log.text, /canary-1/)
    assert.doesNotMatch(log.text, /canary-2/)
    assert.equal(log.entries[0]?.details.password, '[redacted]')
  })

  it('works with its methods taken off', () => {
    const log = memoryLog()
    const { warn } = log
    warn({}, 'loose')
    assert.deepEqual(log.messages(), ['loose'])
  })
})
