import assert from 'node:assert/strict'
import { assertNothingSeen, assertRefused, call, callHost, type OnStage, withInstance } from './caller.ts'

export const loop = (stage: OnStage): void => {
  describe('a loop of gateways', () => {
    const here = () => `http://gateway.example.com:${stage().host.ports.bare}/openidm/`

    it('an instance that is the gateway itself works', async () => {
      await withInstance(stage(), 'self', { instanceUrl: here() })
      assert.deepEqual((await call(stage(), 'self/info/ping')).json, { host: 'before' })
      assert.equal((await call(stage(), 'self/managed/user')).status, 404)
      assert.equal((await call(stage(), 'self/external/idm?_queryFilter=true')).status, 200)
    })

    it('a request that comes back for a remote gets 508, and no remote is asked', async () => {
      await withInstance(stage(), 'self', { instanceUrl: here() })
      assertRefused(await call(stage(), 'self/external/idm/eu/info/ping'), 508)
      assertRefused(await call(stage(), 'self/external/idm/self/external/idm/self/info/ping'), 508)
      const body = { method: 'POST', json: { a: 1 } }
      assertRefused(await call(stage(), 'self/external/idm/self/external/idm/eu/managed/user', body), 508)
      assertNothingSeen(stage())
    })

    it('is not what a caller says with Via', async () => {
      for (const via of ['1.1 openidm-external-idm', '1.1 openidm-external-idm-000000000000', '1.0 a, 1.1 b (c)'])
        assert.equal((await call(stage(), 'eu/info/ping', { headers: { via } })).status, 200)
      assert.match(stage().eu.last.headers.via ?? '', /^1\.0 a, 1\.1 b \(c\), 1\.1 openidm-external-idm-[0-9a-f]{12}$/)
      assert.equal((await callHost(stage(), '/openidm/info/ping')).status, 200)
    })
  })
}
