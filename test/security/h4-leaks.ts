import assert from 'node:assert/strict'
import { reply } from '../helpers/behaviours.ts'
import { assertRefused, CALLERS_OWN, call, type OnStage } from './caller.ts'
import { basicOf } from './stage.ts'

/** What a browser, a gateway or an attacker sends besides. */
const FURTHER = {
  'x-openidm-nosession': 'false',
  'x-openidm-oauth-login': 'x',
  'x-forgerock-transactionid': 'caller-1',
  origin: 'https://evil.example',
  referer: 'https://gateway.example.com/?session=caller',
  'user-agent': 'caller',
  'x-original-url': '/openidm/config',
  'x-rewrite-url': '/openidm/config',
  'x-custom': 'caller',
}

/** What a remote says of itself, or to a browser. */
const REMOTES_OWN = {
  'set-cookie': ['session-jwt=remote; Path=/; HttpOnly', 'other=remote'],
  'www-authenticate': 'Basic realm="remote"',
  server: 'Jetty(10.0.0.7)',
  'x-powered-by': 'remote',
  'access-control-allow-origin': '*',
  'access-control-allow-credentials': 'true',
  'strict-transport-security': 'max-age=1',
  'content-location': 'http://10.0.0.7/openidm/x',
  'x-internal': '10.0.0.7',
  refresh: '0; url=https://evil.example',
  'clear-site-data': '"*"',
  via: '1.1 inner-proxy',
}

export const h4 = (stage: OnStage): void => {
  describe('H4 credentials of the two sides', () => {
    it('keeps the caller’s from the remote', async () => {
      const answer = await call(stage(), 'eu/managed/user/u1', { headers: { ...CALLERS_OWN, ...FURTHER } })
      assert.equal(answer.status, 200)
      const { last } = stage().eu
      assert.doesNotMatch(last.rawHeaders.join('\n'), /caller|evil/i)
      assert.equal(last.method, 'GET')
      assert.deepEqual(last.raw('authorization'), [basicOf('eu')])
      assert.deepEqual(last.raw('x-openidm-nosession'), ['true'])
    })

    it('keeps the remote’s from the caller', async () => {
      stage().eu.answer(reply({ headers: REMOTES_OWN, body: { _id: 'u1' } }))
      const answer = await call(stage(), 'eu/managed/user/u1')
      assert.deepEqual(answer.json, { _id: 'u1' })
      for (const name of Object.keys(REMOTES_OWN).filter((name) => name !== 'x-powered-by'))
        assert.equal(answer.headers[name], undefined, name)
      assert.doesNotMatch(answer.rawHeaders.join('\n'), /remote|10\.0\.0\.7|evil/)
    })

    it('401 of the remote: no challenge for a browser, and whose credentials failed', async () => {
      stage().eu.answer(reply({ status: 401, headers: REMOTES_OWN, body: 'Basic c3ZjLWV1OnB3LWV1 refused' }))
      const answer = await call(stage(), 'eu/managed/user/u1')
      assert.match(assertRefused(answer, 401), /instance "eu".*refused the credentials/)
      assert.equal(answer.headers['www-authenticate'], undefined)
      assert.equal(answer.headers['set-cookie'], undefined)
      assert.doesNotMatch(answer.text, /c3Zj|pw-eu/)
    })

    it('403 of the remote keeps its body, not its challenge', async () => {
      const body = { code: 403, reason: 'Forbidden', message: 'Access denied' }
      stage().eu.answer(reply({ status: 403, headers: REMOTES_OWN, body }))
      const answer = await call(stage(), 'eu/managed/user/u1')
      assert.equal(answer.status, 403)
      assert.deepEqual(answer.json, body)
      assert.equal(answer.headers['www-authenticate'], undefined)
    })
  })
}
