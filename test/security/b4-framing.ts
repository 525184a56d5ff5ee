import assert from 'node:assert/strict'
import type { Behaviour } from '../helpers/behaviours.ts'
import { reply } from '../helpers/behaviours.ts'
import { rawAnswer } from '../helpers/faults.ts'
import { call, callRaw, MOUNT, type OnStage, wire } from './caller.ts'

export const b4 = (stage: OnStage): void => {
  /** The answers to one request twice on one connection: what is left over would spoil the second. */
  const twice = async (behaviour: Behaviour, method = 'GET') => {
    stage().eu.answer(behaviour)
    const request = wire(`${method} ${MOUNT}eu/managed/user/u1`)
    const { responses } = await callRaw(stage(), [request, request], { responses: 2, methods: [method, method] })
    const [first, second] = responses
    assert.ok(first && second)
    assert.equal(first.status, second.status)
    assert.deepEqual(first.body, second.body)
    return first
  }

  describe('B4 bodies where none is expected, and none where one is', () => {
    for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS']) {
      it(`${method} with a body`, async () => {
        for (const instance of ['eu', 'cloud'] as const) {
          for (const framing of [{}, { 'transfer-encoding': 'chunked' }]) {
            const options = { method, headers: { 'content-type': 'application/json', ...framing }, body: '{"a":1}' }
            assert.equal((await call(stage(), `${instance}/managed/user/u1`, options)).status, 200)
            assert.equal(stage()[instance].last.text, '{"a":1}')
            assert.equal(stage()[instance].last.method, method)
          }
        }
      })
    }

    for (const status of [204, 304]) {
      it(`${status}, also with a Content-Length, a coding or a body that it must not have`, async () => {
        const head = `HTTP/1.1 ${status} X\r\nConnection: close\r\nETag: "1"\r\n`
        for (const end of ['\r\n', 'Content-Length: 67\r\n\r\n', 'Content-Length: 0\r\n\r\n']) {
          const response = await twice(rawAnswer(head + end))
          assert.equal(response.status, status)
          assert.equal(response.header('etag'), '"1"')
          assert.deepEqual(response.all('content-length'), [])
          assert.deepEqual(response.all('transfer-encoding'), [])
        }
        const response = await twice(rawAnswer(`${head}Transfer-Encoding: chunked\r\n\r\n`))
        assert.deepEqual(response.all('transfer-encoding'), [])
      })
    }

    for (const body of ['Content-Length: 5\r\n\r\nhello', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'])
      it(`a body that must not be there is dropped: ${JSON.stringify(body)}`, async () => {
        for (const status of [204, 304]) {
          const response = await twice(rawAnswer(`HTTP/1.1 ${status} X\r\n${body}`, { open: true }))
          assert.deepEqual([response.status, response.text], [status, ''])
        }
        const response = await twice(rawAnswer(`HTTP/1.1 200 OK\r\n${body}`, { open: true }), 'HEAD')
        assert.deepEqual([response.status, response.text], [200, ''])
      })

    it('HEAD keeps the length of what it does not send', async () => {
      const response = await twice(
        rawAnswer('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 67\r\n\r\n'),
        'HEAD',
      )
      assert.equal(response.header('content-length'), '67')
      await twice(rawAnswer('HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n'), 'HEAD')
      await twice(reply({ status: 501 }), 'HEAD')
    })

    it('errors without a body, or with one that is no JSON, pass as they are', async () => {
      assert.equal((await twice(reply({ status: 500 }))).text, '')
      const html = await twice(reply({ status: 400, headers: { 'content-type': 'text/html' }, body: '<h1>no</h1>' }))
      assert.equal(html.text, '<h1>no</h1>')
      assert.equal(html.header('content-type'), 'text/html')
    })

    it('a body that ends with the connection', async () => {
      stage().eu.answer(rawAnswer('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nto the end'))
      assert.equal((await call(stage(), 'eu/x')).text, 'to the end')
      stage().eu.answer(rawAnswer('HTTP/1.0 200 OK\r\n\r\nold'))
      assert.equal((await call(stage(), 'eu/x')).text, 'old')
    })

    it('interim answers of the remote are for the gateway', async () => {
      const interim = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n'
      const response = await twice(
        rawAnswer(`${interim}HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok`),
      )
      assert.equal(response.text, 'ok')
      assert.deepEqual(response.informational, [])
      stage().eu.answer(rawAnswer('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'))
      assert.equal((await call(stage(), 'eu/x')).status, 502)
    })

    it('to a caller of HTTP/1.0', async () => {
      stage().eu.answer(({ response }) => response.write('a', () => response.end('b')))
      const request = wire(`GET ${MOUNT}eu/x`).replace('HTTP/1.1', 'HTTP/1.0')
      const { response } = await callRaw(stage(), request, { untilClose: true })
      assert.equal(response.text, 'ab')
      assert.deepEqual(response.all('transfer-encoding'), [])
    })
  })
}
