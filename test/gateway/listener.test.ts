import assert from 'node:assert/strict'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { Listener } from '../../lib/gateway/http/listener.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { open, request } from '../helpers/http.ts'
import { testPki } from '../helpers/pki.ts'
import { openRaw, rawExchange } from '../helpers/raw.ts'
import { until } from '../helpers/until.ts'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const never = new AbortController().signal

async function listen(onRequest: RequestListener, tls?: { certificate: string; key: string }): Promise<Listener> {
  const listener = await Listener.open({ host: '127.0.0.1', port: 0, onRequest, ...(tls && { tls }) })
  onCleanUp(() => listener.close(AbortSignal.abort()))
  return listener
}

/** Keeps the exchanges for the test to answer. */
function holding() {
  const held: { request: IncomingMessage; response: ServerResponse }[] = []
  const onRequest: RequestListener = (request, response) => void held.push({ request, response })
  return { held, onRequest }
}

const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  let settled = false
  promise.finally(() => {
    settled = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  return settled
}

describe('listener', () => {
  it('takes a free port and says where it is', async () => {
    const listener = await listen((_request, response) => response.end('here'))
    assert.match(listener.origin, /^http:\/\/127\.0\.0\.1:\d+$/)
    assert.equal((await request(listener.origin)).text, 'here')
  })

  it('says why an address cannot be listened on', async () => {
    const { port } = await listen(() => undefined)
    const taken = Listener.open({ host: '127.0.0.1', port, onRequest: () => undefined })
    await assert.rejects(taken, {
      name: 'StartError',
      message: `cannot listen on 127.0.0.1:${port}: the port is already in use`,
    })
    const absent = Listener.open({ host: '203.0.113.1', port: 0, onRequest: () => undefined })
    await assert.rejects(absent, {
      message: 'cannot listen on 203.0.113.1:0: the address is not available on this machine',
    })
    const tls = { certificate: 'x', key: 'y' }
    await assert.rejects(Listener.open({ host: '127.0.0.1', port: 0, tls, onRequest: () => undefined }), {
      name: 'StartError',
    })
  })

  it('lets a request under way finish, and takes no other', async () => {
    const { held, onRequest } = holding()
    const listener = await listen(onRequest)
    const connection = await openRaw(listener.port)
    await connection.write(GET)
    await until(() => held.length === 1)
    const closed = listener.close(never)
    await assert.rejects(openRaw(listener.port), { code: 'ECONNREFUSED' })
    assert.equal(await isSettled(closed), false)
    held[0]?.response.end('done')
    await closed
    await connection.untilEnded()
    const [response] = connection.parse()
    assert.equal(response?.header('connection'), 'close')
    assert.equal(response?.text, 'done')
  })

  it('ends a connection whose answer had begun before it was told to close', async () => {
    const { held, onRequest } = holding()
    const listener = await listen(onRequest)
    const connection = await openRaw(listener.port)
    await connection.write(GET)
    await until(() => held.length === 1)
    held[0]?.response.writeHead(200, { 'content-length': 4 }).write('be')
    await until(() => connection.received.includes('be'))
    const closed = listener.close(never)
    held[0]?.response.end('en')
    await closed
    await connection.untilEnded()
    assert.equal(connection.parse()[0]?.text, 'been')
  })

  it('waits for an answer that is written but still on its way to a slow client', async () => {
    const size = 64 * 1024 * 1024
    let written = false
    const listener = await listen((_request, response) => {
      response.end(Buffer.alloc(size))
      written = true
    })
    const { answer } = open(listener.origin)
    const incoming = await answer
    assert.equal(written, true)
    const closed = listener.close(never)
    assert.equal(await isSettled(closed), false)
    let received = 0
    for await (const chunk of incoming) received += chunk.length
    assert.equal(received, size)
    await closed
  })

  describe('what Node’s parser refuses is answered as Common REST has it', () => {
    const TABLE: [title: string, bytes: string, code: number, message: RegExp][] = [
      ['a head that is too large', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431, /16384 bytes/],
      ['UTF-8 in the query', 'GET /?_queryFilter=sn+eq+"\xc3\xbc" HTTP/1.1\r\nHost: x\r\n\r\n', 400, /percent-encoded/],
      ['no HTTP', 'hello\r\n\r\n', 400, /not valid HTTP/],
      ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400, /not valid/],
      [
        'a chunk that is none',
        'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
        400,
        /not valid/,
      ],
    ]
    for (const [title, bytes, code, message] of TABLE)
      it(`${title}: ${code}`, async () => {
        const listener = await listen((incoming) => incoming.resume())
        const { response } = await rawExchange(listener.port, bytes, { untilClose: true })
        const body = response.json as { code: number; reason: string; message: string }
        assert.deepEqual([response.status, body.code, body.reason], [code, code, response.reason])
        assert.match(body.message, message)
        assert.equal(response.header('content-type'), 'application/json;charset=utf-8')
        assert.equal(response.header('connection'), 'close')
      })

    it('never in the place of the answer to a complete request before it', async () => {
      const { held, onRequest } = holding()
      const listener = await listen(onRequest)
      const connection = await openRaw(listener.port)
      await connection.write(`${GET}hello\r\n\r\n`)
      await connection.untilEnded()
      assert.equal(held.length, 1)
      assert.equal(connection.received.length, 0)
    })
  })

  it('ends idle connections at once: kept alive, and never used', async () => {
    const listener = await listen((_request, response) => response.end('x'))
    const [used, fresh] = [await openRaw(listener.port), await openRaw(listener.port)]
    await used.write(GET)
    await used.response()
    await listener.close(never)
    await Promise.all([used.untilEnded(), fresh.untilEnded()])
  })

  it('cuts everything off at the deadline, unfinished TLS handshakes as well', async () => {
    const { held, onRequest } = holding()
    const pki = await testPki()
    const listener = await listen(onRequest, await pki.server())
    const handshaking = await openRaw(listener.port)
    const busy = await openRaw(listener.port, { tls: { ca: pki.ca } })
    await busy.write(GET)
    await until(() => held.length === 1)
    const deadline = new AbortController()
    const closed = listener.close(deadline.signal)
    assert.equal(await isSettled(closed), false)
    deadline.abort()
    await closed
    await Promise.all([busy.untilEnded(), handshaking.untilEnded()])
  })
})
