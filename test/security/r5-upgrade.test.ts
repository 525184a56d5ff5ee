import assert from 'node:assert/strict'
import { openRaw, rawExchange } from '../helpers/raw.ts'
import { startRemote } from '../helpers/remote.ts'
import { basic, startApp } from './app.ts'

const upgrade = (protocol: string) =>
  `GET /openidm/external/idm/eu/socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

describe('R5 no WebSocket goes through', () => {
  for (const protocol of ['TLS/1.2', 'h2c', 'h2c, TLS/1.2'])
    it(`Upgrade: ${protocol} may be ignored, and is; no remote hears of it`, async () => {
      const remote = await startRemote()
      const app = await startApp({ eu: basic(remote) })
      const { response } = await rawExchange(app.port, upgrade(protocol))
      assert.equal(response.status, 200)
      assert.deepEqual([remote.last.headers.upgrade, remote.last.headers.connection], [undefined, 'keep-alive'])
    })

  for (const protocol of ['websocket', 'WebSocket', 'h2c, websocket', 'websocket/13'])
    it(`Upgrade: ${protocol} is answered with 501, and no remote hears of it`, async () => {
      const remote = await startRemote()
      const app = await startApp({ eu: basic(remote) })
      const { response } = await rawExchange(app.port, upgrade(protocol))
      assert.equal(response.status, 501)
      assert.equal((response.json as { code: number }).code, 501)
      assert.equal(response.header('upgrade'), undefined)
      assert.equal(remote.connections, 0)
      assert.equal(app.server.listenerCount('upgrade'), 0)
    })

  it('CONNECT makes no tunnel', async () => {
    const remote = await startRemote()
    const app = await startApp({ eu: basic(remote) })
    const raw = await openRaw(app.port)
    await raw.write(`CONNECT 127.0.0.1:${remote.port} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await raw.untilEnded()
    assert.equal(remote.connections, 0)
  })

  it('nor does a remote talk a caller into another protocol', async () => {
    const remote = await startRemote({
      behaviour: ({ response }) =>
        response.socket?.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello'),
    })
    const app = await startApp({ eu: basic(remote) })
    const { status, headers } = await app.call('eu/x')
    assert.equal(status, 502)
    assert.equal(headers.upgrade, undefined)
  })
})
