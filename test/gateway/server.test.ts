import assert from 'node:assert/strict'
import { request } from '../helpers/http.ts'
import { rawExchange } from '../helpers/raw.ts'
import { ADMIN, ANONYMOUS, startGateway } from './parts.ts'

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

  it('refuses a whole URL and an ambiguous path as request target', async () => {
    const { port } = await startGateway()
    for (const target of [
      `http://x${PING}`,
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

  it('R5: refuses an upgrade with 501, through one listener', async () => {
    const { port } = await startGateway()
    const upgrade = get(PING, 'Connection: Upgrade\r\nUpgrade: websocket\r\n')
    const { response, ended } = await rawExchange(port, upgrade, { untilClose: true })
    assert.equal(response.status, 501)
    assert.deepEqual(response.json, { code: 501, reason: 'Not Implemented', message: 'Upgrade is not supported' })
    assert.equal(ended, true)
  })

  it('declines the offer of HTTP/2 that Java clients make, by answering', async function () {
    // shouldUpgradeCallback came with Node 24.9.
    if (Number(process.versions.node.split('.')[0]) < 24) this.skip()
    const { port } = await startGateway()
    const offer = get(PING, 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n')
    assert.equal((await rawExchange(port, offer)).response.status, 200)
  })

  it('does not wait for the body of a refused request', async () => {
    const { port } = await startGateway()
    const head =
      'POST /openidm/managed/user HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n'
    const { response, ended } = await rawExchange(port, head, { untilClose: true })
    assert.equal(response.status, 401)
    assert.equal(ended, true)
  })

  describe('CORS', () => {
    const origin = 'https://app.example.com'
    const preflight = { origin, 'access-control-request-method': 'PUT' }
    const withCors = { conf: { 'gateway.json': { cors: { allowedOrigins: [origin] } } } }

    it('is off', async () => {
      const { call } = await startGateway()
      const answer = await call('/info/ping', { headers: { ...ANONYMOUS, origin } })
      assert.equal(answer.headers['access-control-allow-origin'], undefined)
      assert.equal((await call('/info/ping', { method: 'OPTIONS', headers: preflight })).status, 401)
    })

    it('lets the origins named call, and no other', async () => {
      const { call } = await startGateway(withCors)
      const asked = await call('/info/ping', { method: 'OPTIONS', headers: preflight })
      assert.equal(asked.status, 204)
      assert.equal(asked.headers['access-control-allow-origin'], origin)
      assert.match(asked.headers['access-control-allow-headers'] ?? '', /x-openidm-password/)
      assert.equal(asked.headers['access-control-allow-credentials'], undefined)
      const answer = await call('/info/ping', { headers: { ...ADMIN, origin } })
      assert.deepEqual(
        [answer.status, answer.headers['access-control-allow-origin'], answer.headers.vary],
        [200, origin, 'Origin'],
      )
      const other = { ...preflight, origin: 'https://app.example.com.evil.example' }
      const refused = await call('/info/ping', { method: 'OPTIONS', headers: other })
      assert.deepEqual([refused.status, refused.headers['access-control-allow-origin']], [401, undefined])
    })
  })
})
