import assert from 'node:assert/strict'
import { redirect } from '../helpers/behaviours.ts'
import { startRemote } from '../helpers/remote.ts'
import { startTokenServer } from '../helpers/token-server.ts'
import { basicOf, bearerOf, startIdm, startTlsRemote } from '../proxy/mounted.ts'

const CANARY = 'canary-of-a-secret'

/** Addresses that an administrator of the gateway could be talked into, or tried out by somebody who writes files. */
const ADDRESSES = [
  'file:///etc/passwd',
  'gopher://127.0.0.1:6379/_FLUSHALL',
  'data:application/json,{"access_token":"x"}',
  'javascript:alert(1)',
  'unix:/var/run/docker.sock',
  'ftp://127.0.0.1/',
  `http://admin:${CANARY}@127.0.0.1/`,
  `https://${CANARY}@127.0.0.1/`,
  '//169.254.169.254/latest/meta-data/',
  '169.254.169.254',
]

describe('T5 the gateway asks nobody but the configured servers', () => {
  for (const address of ADDRESSES) {
    it(`refuses ${address.replace(CANARY, '…')} as an address`, async () => {
      const remote = { url: 'https://idm.example.com/openidm/' }
      const idm = await startIdm({
        target: basicOf({ url: address }),
        tokens: bearerOf(remote, { tokenEndpoint: address }),
        proxy: basicOf(remote, { proxy: { proxyUri: address } }),
      })
      for (const name of ['target', 'tokens', 'proxy']) {
        assert.equal(idm.status(name)?.state, 'INVALID')
        assert.equal((await idm.call(`${name}/x`)).status, 404)
      }
      assert.ok(!idm.log.text.includes(CANARY))
      assert.ok(!(await idm.call('?_queryFilter=true')).text.includes(CANARY))
    })
  }

  for (const status of [301, 302, 303, 307, 308]) {
    it(`a ${status} of the token endpoint is not followed`, async () => {
      const inner = await startRemote()
      const tokens = await startTokenServer()
      tokens.answer(redirect(`${inner.origin}/steal`, status))
      const remote = await startTlsRemote()
      const idm = await startIdm({ eu: bearerOf(remote, tokens) })
      const { status: answered, text } = await idm.call('eu/x')
      assert.equal(answered, 502)
      assert.ok(!text.includes('steal'))
      assert.deepEqual([inner.connections, remote.requests.length, tokens.requests.length], [0, 0, 1])
    })

    it(`a ${status} of the remote is not followed`, async () => {
      const inner = await startRemote()
      const remote = await startTlsRemote({ behaviour: redirect(`${inner.origin}/steal`, status) })
      const idm = await startIdm({ eu: basicOf(remote) })
      assert.equal((await idm.call('eu/x')).status, status)
      const check = await idm.call('eu?_action=test', { method: 'POST' })
      assert.equal((check.json as { ok: boolean }).ok, false)
      assert.equal(inner.connections, 0)
    })
  }
})
