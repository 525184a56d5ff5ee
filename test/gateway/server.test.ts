import assert from 'node:assert/strict'
import { request } from '../helpers/http.ts'
import { rawExchange } from '../helpers/raw.ts'
import { startGateway } from './parts.ts'

const SIGNED_IN = 'X-OpenIDM-Username: anonymous\r\nX-OpenIDM-Password: anonymous\r\n'
const get = (target: string, more = ''): string => `GET ${target} HTTP/1.1\r\nHost: x\r\n${SIGNED_IN}${more}\r\n`
const PING = '/openidm/info/ping'

describe('server', () => {
  it('says nothing about itself and forbids browsers what they need not do', async () => {
    const { url, call } = await startGateway()
    for (const answer of [await call('/info/ping'), await call('/none'), await request(`${url}x`)]) {
      assert.equal(answer.headers['x-powered-by'], undefined)
      assert.equal(answer.headers.server, undefined)
      assert.equal(answer.headers['x-content-type-options'], 'nosniff')
      assert.equal(answer.headers['x-frame-options'], 'DENY')
      assert.equal(answer.headers['content-security-policy'], "default-src 'none'; frame-ancestors 'none'")
      assert.equal(answer.headers['cache-control'], 'no-cache')
      assert.equal(answer.headers['content-type'], 'application/json;charset=utf-8')
    }
  })

  it('answers 404 as JSON outside its mount, whose name is taken literally', async () => {
    const { port } = await startGateway()
    for (const target of [
      '/',
      '/x',
      '/OpenIDM/info/ping',
      '/openidmx',
      '/%6fpenidm/info/ping',
      '//openidm/info/ping',
      '/openidm%2Finfo/ping',
    ]) {
      const { response } = await rawExchange(port, get(target))
      assert.deepEqual(
        [target, response.status, response.json],
        [target, 404, { code: 404, reason: 'Not Found', message: 'Not Found' }],
      )
    }
  })

  it('refuses an ambiguous path as request target', async () => {
    const { port } = await startGateway()
    for (const target of [
      '/openidm/info//ping',
      '/openidm/%2e/info/ping',
      '/openidm/info/ping;x',
      '/openidm/info\\ping',
    ]) {
      assert.equal((await rawExchange(port, get(target))).response.status, 400, target)
    }
  })

  it('takes the mount with and without a slash behind it', async () => {
    const { port } = await startGateway()
    for (const target of ['/openidm', '/openidm/', '/openidm?a=b', '/openidm/?a=b']) {
      assert.equal((await rawExchange(port, get(target))).response.status, 403, target)
    }
  })

  it('leaves doubtful framing to Node, which refuses it', async () => {
    const { port } = await startGateway()
    for (const headers of [
      'Content-Length: 1\r\nContent-Length: 2\r\n',
      'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n',
      'Transfer-Encoding: chunked, identity\r\n',
      'Bad Header: x\r\n',
    ]) {
      const { response } = await rawExchange(port, `POST /openidm/x HTTP/1.1\r\nHost: x\r\n${headers}\r\n`, {
        untilClose: true,
      })
      assert.equal(response.status, 400, headers)
    }
    const long = await rawExchange(port, get(PING, `X-Long: ${'x'.repeat(20_000)}\r\n`), { untilClose: true })
    assert.equal(long.response.status, 431)
  })

  it('refuses a WebSocket with 501, on any path', async () => {
    const { port } = await startGateway()
    for (const path of [PING, '/openidm/external/idm/eu/x', '/']) {
      const upgrade = get(path, 'Connection: Upgrade\r\nUpgrade: websocket\r\n')
      const { response, ended } = await rawExchange(port, upgrade, { untilClose: true })
      assert.equal(response.status, 501)
      assert.deepEqual(response.json, { code: 501, reason: 'Not Implemented', message: 'WebSockets are not supported' })
      assert.equal(ended, true)
    }
  })

  for (const [client, offer] of [
    ['Java', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'],
    ['Apache HttpClient', 'Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n'],
  ])
    it(`ignores the upgrade that ${client} offers`, async () => {
      const { port } = await startGateway()
      assert.equal((await rawExchange(port, get(PING, offer))).response.status, 200)
    })

  it('accepts an absolute request target that names the host of the Host header', async () => {
    const { port } = await startGateway()
    assert.equal((await rawExchange(port, get(`http://x${PING}`))).response.status, 200)
    assert.equal((await rawExchange(port, get(`HTTP://X${PING}?_fields=`))).response.status, 200)
    assert.equal((await rawExchange(port, get(`http://y${PING}`))).response.status, 400)
    assert.equal((await rawExchange(port, get('http://x'))).response.status, 404)
  })

  it('does not wait for the body of a refused request', async () => {
    const { port } = await startGateway()
    const head =
      'POST /openidm/managed/user HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n'
    const { response, ended } = await rawExchange(port, head, { untilClose: true })
    assert.equal(response.status, 401)
    assert.equal(ended, true)
  })
})
