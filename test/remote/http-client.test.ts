import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createSecureContext, type TLSSocket } from 'node:tls'
import { faultOf } from '../../lib/core/http/fault.ts'
import { HttpClient } from '../../lib/core/http/http-client.ts'
import { judgeProperties } from '../../lib/remote/properties/properties.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { testPki } from '../helpers/pki.ts'
import { until } from '../helpers/until.ts'

interface Limits {
  readonly totalTimeout?: number
  readonly maxResponseBytes?: number
  readonly reuseConnections?: boolean
  /** Seconds. */
  readonly connectionTimeToLive?: number
}

/** A client to a server that answers like this. */
async function clientTo(
  answering: RequestListener | TlsServer,
  { reuseConnections = true, connectionTimeToLive = 300, ...limits }: Limits = {},
) {
  const server = typeof answering === 'function' ? createServer(answering) : answering
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const scheme = typeof answering === 'function' ? 'http' : 'https'
  const origin = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`
  const content = {
    authType: 'basic',
    instanceUrl: `${origin}/`,
    userName: 'u',
    password: 'p',
    reuseConnections,
    connectionTimeToLive,
  }
  const judgement = judgeProperties(content)
  if ('faults' in judgement) assert.fail(judgement.faults.join())
  const { properties } = judgement
  const context = createSecureContext({ ca: (await testPki()).ca })
  const client = new HttpClient(new URL(origin), { properties, secureContext: () => context, ...limits })
  onCleanUp(() => {
    client.destroy()
    server.closeAllConnections()
    server.close()
  })
  const get = (signal?: AbortSignal) => client.request({ method: 'GET', path: '/', signal })
  return { server, get }
}

describe('HttpClient', () => {
  it('puts an answer together, wherever a character was cut', async () => {
    const text = JSON.stringify({ name: 'Zoë 你好 🙂' })
    const { get } = await clientTo(async (_request, response) => {
      for (const byte of Buffer.from(text)) {
        response.write(Buffer.of(byte))
        await new Promise((next) => setImmediate(next))
      }
      response.end()
    })
    assert.equal((await get()).text, text)
  })

  it('gives status and headers, and the text without a byte order mark', async () => {
    const { get } = await clientTo((_request, response) => {
      response.writeHead(404, { 'content-type': 'application/json', 'x-a': ['1', '2'] })
      response.end('\ufeff{}')
    })
    const { status, headers, text } = await get()
    assert.deepEqual(
      [status, headers['content-type'], headers['x-a'], text],
      [404, 'application/json', ['1', '2'], '{}'],
    )
  })

  it('takes no notice of what only announces an answer', async () => {
    const { get } = await clientTo((_request, response) => {
      response.writeEarlyHints({ link: '</x>; rel=preload' }, () => response.end('yes'))
    })
    const { status, headers, text } = await get()
    assert.deepEqual([status, headers.link, text], [200, undefined, 'yes'])
  })

  it('an answer without a body is an empty text', async () => {
    const { get } = await clientTo((_request, response) => response.writeHead(204).end())
    assert.deepEqual([(await get()).status, (await get()).text], [204, ''])
  })

  it('a caller that gives up is told its own reason, and the remote notices', async () => {
    const { server, get } = await clientTo(() => undefined)
    const caller = new AbortController()
    const reason = new Error('enough')
    const waiting = get(caller.signal)
    const [, response] = await once(server, 'request')
    caller.abort(reason)
    await assert.rejects(waiting, reason)
    await once(response, 'close')
  })

  it('a caller that gave up before sends nothing', async () => {
    const { get } = await clientTo(() => assert.fail('a request came'))
    const reason = new Error('never mind')
    await assert.rejects(get(AbortSignal.abort(reason)), reason)
  })

  it('an answer that breaks off is an error', async () => {
    const { get } = await clientTo((_request, response) => {
      response.writeHead(200, { 'content-length': '10' })
      response.write('half', () => response.destroy())
    })
    await assert.rejects(get(), { message: /other side closed|terminated/ })
  })

  it('a response that takes too long in all passes a deadline of its own, though bytes move', async () => {
    const { server, get } = await clientTo(
      (_request, response) => {
        const timer = setInterval(() => response.write('x'), 10)
        response.once('close', () => clearInterval(timer))
      },
      { totalTimeout: 100 },
    )
    const waiting = get()
    const [, response] = await once(server, 'request')
    await assert.rejects(waiting, { name: 'DeadlineError', phase: 'total' })
    await once(response, 'close')
  })

  it('reads no more of a response than it may', async () => {
    const { get } = await clientTo((_request, response) => response.end('x'.repeat(11)), { maxResponseBytes: 10 })
    await assert.rejects(get(), (error) => faultOf(error) === 'answerTooLarge')
  })

  it('resumes TLS sessions of its own connections', async () => {
    const { certificate: cert, key } = await (await testPki()).server()
    const reused: boolean[] = []
    const server = createTlsServer({ cert, key }, (request, response) => {
      reused.push((request.socket as TLSSocket).isSessionReused())
      response.end()
    })
    const { get } = await clientTo(server, { reuseConnections: false })
    for (let count = 0; count < 2; count++) await get()
    assert.deepEqual(reused, [false, true])
  })

  it('renews a connection after connectionTimeToLive', async () => {
    const { server, get } = await clientTo((_request, response) => response.end(), { connectionTimeToLive: 0.1 })
    let connections = 0
    server.on('connection', () => connections++)
    await until(async () => (await get()).status === 200 && connections > 1, 'a second connection')
  })
})
