import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { held, reply, stream } from './behaviours.ts'
import { resetMidBody } from './faults.ts'
import { open, request, toLoopback } from './http.ts'
import { pattern, patternSha256 } from './pattern.ts'
import { testPki } from './pki.ts'
import { startRemote } from './remote.ts'
import { until } from './until.ts'

describe('http client', () => {
  it('sends a path exactly as it is given', async () => {
    const remote = await startRemote()
    for (const path of ['/a/../b', '/%2e%2e//c;x?q=a..b', '//evil', '/openidm/a%2Fb']) {
      await request(`${remote.origin}${path}`)
      assert.equal(remote.last.url, path)
    }
    await request(`${remote.origin}?only=query`)
    assert.equal(remote.last.url, '/?only=query')
  })

  it('sends text, bytes, streams and JSON', async () => {
    const remote = await startRemote()
    await request(remote.url, { method: 'POST', body: 'text' })
    assert.equal(remote.last.text, 'text')
    await request(remote.url, { method: 'PUT', body: Readable.from([pattern(1000), pattern(1000)]) })
    assert.deepEqual(remote.last.body, Buffer.concat([pattern(1000), pattern(1000)]))
    await request(remote.url, { method: 'PATCH', json: [{ a: 1 }] })
    assert.equal(remote.last.text, '[{"a":1}]')
    assert.equal(remote.last.headers['content-type'], 'application/json')
    await request(remote.url, { method: 'DELETE', body: Readable.from(['text']) })
    assert.equal(remote.last.text, 'text')
  })

  it('returns status, headers, trailers and body', async () => {
    const remote = await startRemote({
      behaviour: ({ response }) => {
        response.writeHead(201, [
          ['X-One', '1'],
          ['Trailer', 'X-Sum'],
        ])
        response.write('{"a"')
        response.addTrailers({ 'X-Sum': '2' })
        response.end(':1}')
      },
    })
    const answer = await request(remote.url)
    assert.equal(answer.status, 201)
    assert.deepEqual(answer.rawHeaders.slice(0, 2), ['X-One', '1'])
    assert.deepEqual(answer.rawTrailers, ['X-Sum', '2'])
    assert.deepEqual(answer.json, { a: 1 })
  })

  it('calls hosts that exist only in a test, over TLS', async () => {
    const pki = await testPki()
    const remote = await startRemote({ hostName: 'idm.example.net', tls: await pki.server('idm.example.net') })
    const answer = await request(remote.url, { lookup: toLoopback, ca: pki.ca })
    assert.equal(answer.status, 200)
    assert.equal(remote.last.serverName, 'idm.example.net')
    await assert.rejects(request(remote.url, { lookup: toLoopback }), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  })

  it('rejects when the answer is cut', async () => {
    const remote = await startRemote({ behaviour: resetMidBody() })
    await assert.rejects(request(remote.url), { code: 'ECONNRESET' })
  })

  it('lets the caller leave', async () => {
    const remote = await startRemote({ behaviour: held() })
    const call = open(remote.url)
    const { aborted } = await remote.received()
    assert.equal(aborted, false)
    call.outgoing.destroy()
    await assert.rejects(call.answer)
    await until(() => remote.last.aborted)
    const abort = new AbortController()
    const second = request(remote.url, { signal: abort.signal })
    await remote.received(2)
    abort.abort()
    await assert.rejects(second, { name: 'AbortError' })
  })

  it('waits with the body for 100 Continue', async () => {
    const remote = await startRemote()
    const answer = await request(remote.url, { method: 'POST', body: 'x', headers: { expect: '100-continue' } })
    assert.equal(answer.status, 200)
    assert.equal(remote.last.text, 'x')
    remote.server.on('checkContinue', (_, response) => response.writeHead(417).end())
    const refused = await request(remote.url, { method: 'POST', body: 'x', headers: { expect: '100-continue' } })
    assert.equal(refused.status, 417)
  })

  it('reads a large answer', async () => {
    const bytes = 3_000_000
    const remote = await startRemote({ behaviour: stream({ bytes }) })
    const { body } = await request(remote.url)
    assert.equal(body.length, bytes)
    remote.answer(reply())
    await request(remote.url, { method: 'POST', body })
    assert.equal(remote.last.sha256, patternSha256(bytes))
  })

  it('reads as slowly as the test wants', async () => {
    const source = stream({ bytes: 50_000_000 })
    const remote = await startRemote({ behaviour: source })
    const incoming = await open(remote.url).answer
    incoming.once('data', () => incoming.pause())
    await once(incoming, 'pause')
    assert.ok(source.sent < 50_000_000)
    incoming.destroy()
    await until(() => remote.last.aborted)
  })
})
