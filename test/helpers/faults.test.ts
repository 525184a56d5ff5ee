import assert from 'node:assert/strict'
import {
  cutShort,
  deafness,
  garbage,
  rawAnswer,
  resetAfterHeaders,
  resetBeforeHeaders,
  resetMidBody,
  silence,
} from './faults.ts'
import { open, request } from './http.ts'
import { pattern } from './pattern.ts'
import { testPki } from './pki.ts'
import { type Remote, startRemote } from './remote.ts'
import { until } from './until.ts'

for (const scheme of ['http', 'https']) {
  describe(`faults over ${scheme}`, () => {
    let remote: Remote
    let ca: string

    beforeEach(async () => {
      const pki = await testPki()
      ca = pki.ca
      remote = await startRemote({ tls: scheme === 'https' ? await pki.server() : undefined })
    })

    it('reset before the headers', async () => {
      remote.answer(resetBeforeHeaders())
      await assert.rejects(open(remote.url, { ca }).answer, { code: 'ECONNRESET' })
    })

    it('reset behind the headers', async () => {
      remote.answer(resetAfterHeaders())
      const incoming = await open(remote.url, { ca }).answer
      await assert.rejects(incoming.toArray(), { code: 'ECONNRESET' })
      assert.equal(remote.last.aborted, true)
    })

    it('reset amid the body', async () => {
      remote.answer(resetMidBody(100))
      const incoming = await open(remote.url, { ca }).answer
      let received = 0
      incoming.on('data', (chunk: Buffer) => {
        received += chunk.length
      })
      await new Promise((done) => incoming.on('error', done))
      assert.equal(received, 100)
    })

    it('ends in the middle of the body', async () => {
      remote.answer(cutShort())
      const incoming = await open(remote.url, { ca }).answer
      await assert.rejects(incoming.toArray(), { code: 'ECONNRESET' })
    })

    it('sends garbage', async () => {
      remote.answer(garbage())
      await assert.rejects(request(remote.url, { ca }), { code: /^HPE_/ })
    })

    it('sends raw bytes', async () => {
      remote.answer(rawAnswer('HTTP/1.1 299 Odd\r\nX-A: \xe4\r\n\r\nbody'))
      const answer = await request(remote.url, { ca })
      assert.deepEqual([answer.status, answer.headers['x-a'], answer.text], [299, '\xe4', 'body'])
    })

    it('is silent', async () => {
      remote.answer(silence())
      const call = open(remote.url, { ca, method: 'POST', body: 'x' })
      await until(() => remote.last.complete)
      call.outgoing.destroy()
      await until(() => remote.last.aborted)
    })

    it('is deaf', async () => {
      remote.answer(deafness())
      const call = open(remote.url, { ca, method: 'POST', body: pattern(10_000_000) })
      await remote.received()
      assert.deepEqual([remote.last.bodyLength, remote.last.complete], [0, false])
      assert.equal(call.outgoing.writableFinished, false)
      await remote.close()
      await assert.rejects(call.answer)
    })
  })
}
