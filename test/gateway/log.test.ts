import assert from 'node:assert/strict'
import { Secret } from '../../lib/core/secret.ts'
import { describeTarget } from '../../lib/gateway/http/access-log.ts'
import { createLog, describeError, logLevelOf } from '../../lib/gateway/project/log.ts'
import { readableLine, readableLines } from '../../lib/gateway/project/log-lines.ts'
import { LogLines } from './parts.ts'

describe('log', () => {
  it('writes JSON lines with level, time and message; children add to them', () => {
    const lines = new LogLines()
    const log = createLog({ level: 'info', destination: lines })
    log.child({ plugin: 'p' }).info({ a: 1, secret: new Secret('CANARY') }, 'hello')
    log.debug({}, 'unheard')
    const [entry = {}, ...others] = lines.entries
    assert.deepEqual(others, [])
    assert.match(String(entry.time), /^\d{4}-\d\d-\d\dT/)
    assert.deepEqual(
      [entry.level, entry.plugin, entry.a, entry.secret, entry.msg],
      ['info', 'p', 1, '[redacted]', 'hello'],
    )
  })

  it('S1, T7: writes of an error what every error has, and nothing that was hung onto it', () => {
    const cause = Object.assign(new Error('inner'), { code: 'ECONNREFUSED', config: { password: 'CANARY' } })
    const error = Object.assign(new Error('outer', { cause }), { request: { headers: { authorization: 'CANARY' } } })
    const described = JSON.stringify(describeError(error))
    assert.equal(described.includes('CANARY'), false)
    assert.ok(described.includes('outer') && described.includes('ECONNREFUSED'))
    const own = new Error('circle')
    own.cause = own
    assert.ok(JSON.stringify(describeError(own)).length < 20_000)
    assert.deepEqual(describeError('text'), { message: 'text' })
  })

  it('has levels, and says which when there is no such one', () => {
    assert.equal(logLevelOf({}), 'info')
    assert.equal(logLevelOf({ LOG_LEVEL: 'DEBUG' }), 'debug')
    assert.throws(() => logLevelOf({ LOG_LEVEL: 'loud' }), {
      message: 'LOG_LEVEL: must be one of trace, debug, info, warn, error, silent',
    })
  })

  it('is readable on a terminal, which callers cannot steer', () => {
    const line = (entry: object) =>
      readableLine(JSON.stringify({ level: 'info', time: '2026-01-02T10:04:31.000Z', ...entry }))
    assert.equal(line({ msg: 'access', path: '/a b', status: 200 }), '10:04:31 info  access  path="/a b"  status=200')
    assert.equal(
      line({ msg: 'x', err: { message: 'm', stack: 'Error: m\n  at y' } }),
      '10:04:31 info  x\nError: m\n  at y',
    )
    assert.equal(line({ msg: 'a\u001b[2Jb', path: '\u001b]0;x\u0007' }), '10:04:31 info  a?[2Jb  path=?]0;x?')
    assert.equal(readableLine('no json\n'), 'no json')
    const written: string[] = []
    readableLines({ write: (text) => written.push(text) }).write('{"level":"warn","time":"","msg":"m"}')
    assert.deepEqual(written, [' warn  m\n'])
  })

  it('names the parameters of a query, never their values', () => {
    assert.deepEqual(describeTarget('/a'), { path: '/a' })
    assert.deepEqual(describeTarget('/a?b=SECRET&c&=x&d=1=2'), { path: '/a', query: ['b', 'c', 'd'] })
    assert.equal(describeTarget(`/${'x'.repeat(5000)}?a=b`).path.length, 1000)
  })
})
