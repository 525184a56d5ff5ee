import assert from 'node:assert/strict'
import { STATUS_CODES } from 'node:http'
import { echo, held } from '../helpers/behaviours.ts'
import { cutShort, resetAfterHeaders, resetMidBody } from '../helpers/faults.ts'
import { rawExchange } from '../helpers/raw.ts'
import { until } from '../helpers/until.ts'
import { basicOf, startIdm, startTlsRemote } from '../proxy/mounted.ts'
import { FAILURES, lookup } from './failures.ts'

describe('E1 every failure is an error in the form of Common REST', () => {
  for (const { title, status, message, arrange } of FAILURES) {
    it(`${status}: ${title}`, async () => {
      const idm = await startIdm({ eu: await arrange() }, { lookup })
      const answer = await idm.call('eu/managed/user/u1', { headers: { accept: 'text/html' } })
      assert.deepEqual(answer.json, { code: status, reason: STATUS_CODES[status], message })
      assert.equal(answer.status, status)
      assert.equal(answer.headers['content-type'], 'application/json;charset=utf-8')
      assert.equal(answer.headers['cache-control'], 'no-cache')
      assert.deepEqual([idm.status('eu')?.state, idm.status('eu')?.lastError?.message], ['FAILING', message])
      assert.deepEqual(
        idm.log.messages('warn').filter((line) => line === message),
        [message],
        'one warning, with the cause beside it',
      )
    })
  }

  it('503: all connections are busy, and when to try again', async () => {
    const gate = held()
    const remote = await startTlsRemote({ behaviour: gate })
    const idm = await startIdm({ eu: basicOf(remote, { maxConnections: 1, connectionTimeout: '200 ms' }) })
    const first = idm.call('eu/first')
    await until(() => gate.waiting === 1)
    const answer = await idm.call('eu/second')
    assert.deepEqual(answer.json, {
      code: 503,
      reason: 'Service Unavailable',
      message: 'Remote instance "eu": all of its connections are busy',
    })
    assert.match(answer.headers['retry-after'] ?? '', /^\d+$/)
    gate.release()
    assert.equal((await first).status, 200)
  })

  it('a recovery is seen', async () => {
    const remote = await startTlsRemote({ behaviour: resetAfterHeaders() })
    const idm = await startIdm({ eu: basicOf(remote) })
    await assert.rejects(idm.call('eu/x'))
    const { state, lastError } = idm.status('eu') ?? {}
    assert.equal(state, 'FAILING')
    remote.answer(echo())
    assert.equal((await idm.call('eu/x')).status, 200)
    assert.equal(idm.status('eu')?.state, 'READY')
    assert.deepEqual(idm.status('eu')?.lastError, lastError)
  })

  for (const [title, behaviour] of [
    ['reset behind the headers', resetAfterHeaders()],
    ['reset in the middle of the body', resetMidBody()],
    ['ended too early', cutShort()],
  ] as const) {
    it(`an answer that has begun is cut, never completed with an error: ${title}`, async () => {
      const remote = await startTlsRemote({ behaviour })
      const idm = await startIdm({ eu: basicOf(remote) })
      const get = 'GET /openidm/external/idm/eu/x HTTP/1.1\r\nHost: x\r\n\r\n'
      const { bytes } = await rawExchange(idm.port, get, { untilClose: true })
      assert.match(bytes.toString('latin1'), /^(HTTP\/1\.1 200 OK\r\n|$)/)
      assert.ok(!bytes.includes('Bad Gateway'))
      assert.equal(remote.requests.length, 1)
      assert.equal(idm.status('eu')?.state, 'FAILING')
    })
  }

  it('an answer that stops in the middle is cut at the deadline', async () => {
    const remote = await startTlsRemote({
      behaviour: ({ response }) => response.writeHead(200, { 'content-length': 10 }).write('half'),
    })
    const idm = await startIdm({ eu: basicOf(remote, { socketTimeout: '2 s' }) })
    await assert.rejects(idm.call('eu/x'), { code: 'ECONNRESET' })
    const message = 'Remote instance "eu": it stopped sending in the middle of the exchange'
    assert.equal(idm.status('eu')?.lastError?.message, message)
  })

  it('a HEAD is answered without a body', async () => {
    const idm = await startIdm({ eu: await (FAILURES[0] ?? assert.fail()).arrange() }, { lookup })
    const { status, text } = await idm.call('eu/x', { method: 'HEAD' })
    assert.deepEqual([status, text], [502, ''])
  })
})
