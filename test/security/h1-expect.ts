import assert from 'node:assert/strict'
import { assertNothingSeen, CALLERS_OWN, call, callRaw, MOUNT, type OnStage, wire } from './caller.ts'
import { basicOf } from './stage.ts'

export const h1 = (stage: OnStage): void => {
  describe('H1 Expect: 100-continue with credentials', () => {
    for (const instance of ['eu', 'cloud'] as const) {
      it(`sends the credentials of ${instance} and none of the caller's`, async () => {
        const headers = { ...CALLERS_OWN, expect: '100-continue', 'content-type': 'application/json' }
        const answer = await call(stage(), `${instance}/managed/user`, { method: 'POST', headers, body: '{"a":1}' })
        assert.equal(answer.status, 200)
        const { last } = stage()[instance]
        assert.equal(last.text, '{"a":1}')
        assert.match(last.headers.authorization ?? '', instance === 'eu' ? /^Basic c3Zj/ : /^Bearer /)
        assert.equal(last.headers['x-requested-with'], 'RemoteIDMProxy')
        for (const name of ['expect', 'cookie', 'x-openidm-username', 'x-openidm-password', 'proxy-authorization'])
          assert.deepEqual(last.raw(name), [], name)
      })
    }

    it('does so as well without a body, and in any spelling', async () => {
      for (const expect of ['100-continue', '100-Continue', '100-continue, 100-continue']) {
        const request = wire(`GET ${MOUNT}eu/info/ping`, [`Expect: ${expect}`, 'Authorization: Basic caller'])
        const { response } = await callRaw(stage(), request)
        if (response.status === 417) continue
        assert.equal(response.status, 200)
        assert.deepEqual(stage().eu.last.raw('authorization'), [basicOf('eu')])
        assert.deepEqual(stage().eu.last.raw('expect'), [])
      }
      assert.ok(stage().eu.requests.length > 0)
    })

    it('asks no remote when the caller expects something else', async () => {
      const { response } = await callRaw(stage(), wire(`GET ${MOUNT}eu/info/ping`, ['Expect: 200-miracle']))
      assert.equal(response.status, 417)
      assertNothingSeen(stage())
    })
  })
}
