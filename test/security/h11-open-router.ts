import assert from 'node:assert/strict'
import { assertNothingSeen, assertRefused, call, callHost, callRaw, MOUNT, type OnStage, wire } from './caller.ts'

const SESSION = { cookie: 'session=caller' }

export const h11 = (stage: OnStage): void => {
  describe('H11 a router with administrators’ rights', () => {
    it('is not made without authorize, nor in a host that promises no authentication', () => {
      const { router, plugin } = stage().host.refusals
      assert.match(router, /^TypeError: externalIdm: the option "authorize" is required/)
      assert.match(plugin, /^Error: .*does not guarantee authentication/)
    })

    it('dangerouslyAllowUnauthenticated opens it, and warns at start', async () => {
      assert.equal((await call(stage(), 'eu/info/ping', { entrance: 'open' })).status, 200)
      assert.match(stage().host.process.stderr, /warn: dangerouslyAllowUnauthenticated/)
      assert.match(stage().host.process.stderr, /Warning: openidm-external-idm: dangerouslyAllowUnauthenticated/)
    })

    for (const [verdict, status] of [
      ['401', 401],
      ['403', 403],
      ['false', 403],
      ['nothing', 403],
      ['text', 403],
      ['throw', 500],
    ] as const) {
      it(`authorize answers ${verdict}: ${status}, and no remote is asked`, async () => {
        const headers = { 'x-verdict': verdict }
        for (const path of ['eu/managed/user', 'eu', 'eu/', 'nobody/x', 'eu?_action=test', '?_queryFilter=true', '']) {
          for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
            const answer = await call(stage(), path, { method, headers })
            assert.doesNotMatch(assertRefused(answer, status), /nobody|eu|10\.0\.0\.7/)
            assert.equal(answer.headers['www-authenticate'], undefined)
          }
        }
        assertNothingSeen(stage())
      })
    }

    it('does not take the cookie of a session alone for a change (CSRF)', async () => {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        for (const path of ['eu/managed/user/u1', 'eu?_action=test'])
          assertRefused(await call(stage(), path, { method, headers: SESSION }), 403)
        const form = { ...SESSION, 'content-type': 'text/plain', origin: 'https://evil.example' }
        assertRefused(await call(stage(), 'eu/managed/user/u1', { method, headers: form, body: '{"a":1}' }), 403)
      }
      assertNothingSeen(stage())
    })

    it('but with a header that a foreign page can not send, or to read', async () => {
      const own = [{ 'x-requested-with': 'x' }, { authorization: 'Bearer x' }, { 'x-openidm-username': 'x' }]
      for (const header of own) {
        const headers = { ...SESSION, ...header }
        assert.equal((await call(stage(), 'eu/managed/user', { method: 'POST', headers, json: {} })).status, 200)
      }
      assert.equal((await call(stage(), 'eu/managed/user/u1', { headers: SESSION })).status, 200)
      assert.equal((await call(stage(), 'eu/managed/user', { method: 'POST', json: {} })).status, 200)
    })

    it('answers a WebSocket with 501, and leaves the connection whole', async () => {
      const key = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
      for (const protocol of ['websocket', 'WebSocket', 'h2c, websocket']) {
        const upgrade = wire(`GET ${MOUNT}eu/info/ping`, ['Connection: Upgrade', `Upgrade: ${protocol}`, ...key])
        assertRefused((await callRaw(stage(), upgrade)).response, 501)
      }
      assertNothingSeen(stage())
    })

    it('knows no method that is not one of a resource', async () => {
      for (const method of ['TRACE', 'PROPFIND', 'PURGE', 'SEARCH', 'MOVE', 'LINK', 'QUERY']) {
        const { response } = await callRaw(stage(), wire(`${method} ${MOUNT}eu/managed/user/u1`))
        assert.ok([400, 405].includes(response.status), `${method} ${response.status}`)
      }
      const tunnel = await callRaw(stage(), wire('CONNECT idm.eu.example.com:443'), { untilClose: true })
      assert.equal(tunnel.bytes.length, 0)
      assertNothingSeen(stage())
    })
  })

  describe('H11 the list of instances', () => {
    it('shows no secret and no more than its columns', async () => {
      const answer = await callHost(stage(), '/openidm/external/idm?_queryFilter=true')
      assert.equal(answer.status, 200)
      assert.match(answer.text, /"_id":"eu"/)
      assert.doesNotMatch(answer.text, /pw-|svc-|secret|se:cr|Basic |Bearer /)
    })
  })
}
