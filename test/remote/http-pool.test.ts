import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSecureContext } from 'node:tls'
import { HttpPool } from '../../lib/remote/http/http-pool.ts'
import { judgeProperties } from '../../lib/remote/properties/properties.ts'
import { onCleanUp } from '../helpers/clean-up.ts'

/** A pool to a server that answers like this. */
async function poolTo(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const content = { authType: 'basic', instanceUrl: `${origin}/`, userName: 'u', password: 'p' }
  const judgement = judgeProperties(content)
  if ('faults' in judgement) assert.fail(judgement.faults.join())
  const { properties } = judgement
  const pool = new HttpPool(new URL(origin), { properties, secureContext: () => createSecureContext() })
  onCleanUp(() => {
    pool.destroy()
    server.closeAllConnections()
    server.close()
  })
  const get = (signal?: AbortSignal) => pool.request({ origin, method: 'GET', path: '/' }, signal)
  return { server, get }
}

describe('HttpPool', () => {
  it('puts an answer together, wherever a character was cut', async () => {
    const text = JSON.stringify({ name: 'Zoë 你好 🙂' })
    const { get } = await poolTo(async (_request, response) => {
      for (const byte of Buffer.from(text)) {
        response.write(Buffer.of(byte))
        await new Promise((next) => setImmediate(next))
      }
      response.end()
    })
    assert.equal((await get()).text, text)
  })

  it('gives status and headers, and the text without a byte order mark', async () => {
    const { get } = await poolTo((_request, response) => {
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
    const { get } = await poolTo((_request, response) => {
      response.writeEarlyHints({ link: '</x>; rel=preload' }, () => response.end('yes'))
    })
    const { status, headers, text } = await get()
    assert.deepEqual([status, headers.link, text], [200, undefined, 'yes'])
  })

  it('an answer without a body is an empty text', async () => {
    const { get } = await poolTo((_request, response) => response.writeHead(204).end())
    assert.deepEqual([(await get()).status, (await get()).text], [204, ''])
  })

  it('a caller that gives up is told its own reason, and the remote notices', async () => {
    const { server, get } = await poolTo(() => undefined)
    const caller = new AbortController()
    const reason = new Error('enough')
    const waiting = get(caller.signal)
    const [, response] = await once(server, 'request')
    caller.abort(reason)
    await assert.rejects(waiting, reason)
    await once(response, 'close')
  })

  it('a caller that gave up before sends nothing', async () => {
    const { get } = await poolTo(() => assert.fail('a request came'))
    const reason = new Error('never mind')
    await assert.rejects(get(AbortSignal.abort(reason)), reason)
  })

  it('an answer that breaks off is an error', async () => {
    const { get } = await poolTo((_request, response) => {
      response.writeHead(200, { 'content-length': '10' })
      response.write('half', () => response.destroy())
    })
    await assert.rejects(get(), { message: /other side closed|terminated/ })
  })
})
