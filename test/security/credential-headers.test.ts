import assert from 'node:assert/strict'
import { ADMIN, PASSWORD, startGateway } from '../gateway/parts.ts'

const SCRIPT = { type: 'text/javascript', source: 'JSON.stringify(context)' }

describe('a script that reads the headers of its caller', () => {
  it('finds no credentials in them, and everything else', async () => {
    const { call } = await startGateway({
      conf: { 'endpoint-spy.json': { ...SCRIPT, source: '({ context: JSON.stringify(context) })' } },
    })
    const secrets = { cookie: 'session-jwt=c00kie', 'proxy-authorization': 'Basic cHJveHk6cHJveHk=' }
    const more = { 'x-openidm-reauth-password': 're4uth', 'x-custom': 'kept', 'x-requested-with': 'kept too' }
    const asAdmin = await call('/endpoint/spy', { headers: { ...ADMIN, ...secrets, ...more } })
    assert.equal(asAdmin.status, 200, asAdmin.text)
    const basic = `Basic ${Buffer.from(`openidm-admin:${PASSWORD}`).toString('base64')}`
    const asBasic = await call('/endpoint/spy', { headers: { authorization: basic } })
    assert.equal(asBasic.status, 200, asBasic.text)
    const seen = `${asAdmin.text} ${asBasic.text}`
    for (const secret of [basic, 'Sesam', 'c00kie', 'cHJveHk6cHJveHk', 're4uth'])
      assert.equal(seen.includes(secret), false, secret)
    for (const kept of ['x-custom', 'kept too', 'openidm-admin']) assert.ok(seen.includes(kept), kept)
  })
})
