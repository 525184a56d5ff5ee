import assert from 'node:assert/strict'
import { authenticationSchema } from '../../lib/gateway/access/authentication-properties.ts'
import type { Introspection } from '../../lib/gateway/access/introspection.ts'
import { RsFilter } from '../../lib/gateway/access/rs-filter.ts'
import { ADMIN, startGateway } from '../gateway/parts.ts'

const RS_FILTER = {
  clientId: 'rs',
  clientSecret: 'secret',
  tokenIntrospectUrl: 'https://am.example.com/introspect',
  staticUserMapping: [
    {
      subject: '(age!admin-client)',
      localUser: 'internal/user/openidm-admin',
      roles: ['internal/role/openidm-admin'],
    },
  ],
  subjectMapping: [{ queryOnResource: 'managed/user', propertyMapping: { sub: 'userName' } }],
}

function filterFor(token: Partial<Extract<Introspection, { active: true }>>): RsFilter {
  const { rsFilter } = authenticationSchema.parse({ rsFilter: RS_FILTER })
  assert.ok(rsFilter)
  const common = { active: true, scopes: new Set<string>(), expiresAt: undefined } as const
  return new RsFilter({
    properties: rsFilter,
    introspect: async () => ({ subject: undefined, clientId: undefined, ...common, ...token }),
    findUser: async (_collection, _property, value) => ({ _id: '1', userName: value }),
  })
}

describe('somebody with the name of another', () => {
  it('a subject that is written like a client of the token server is not that client', async () => {
    const own = filterFor({ subject: '(age!admin-client)', clientId: 'admin-client' })
    assert.equal((await own.authenticate('t')).authenticationId, 'openidm-admin')
    for (const clientId of ['web', undefined])
      await assert.rejects(filterFor({ subject: '(age!admin-client)', clientId }).authenticate('t'), { code: 403 })
  })

  it('a token for a managed user with the name of the administrator stands for nobody', async () => {
    for (const subject of ['openidm-admin', 'OpenIDM-Admin', 'anonymous'])
      await assert.rejects(filterFor({ subject, clientId: 'web' }).authenticate('t'), { code: 403 })
    assert.equal((await filterFor({ subject: 'bo', clientId: 'web' }).authenticate('t')).authenticationId, 'bo')
  })

  it('a managed user with the name of the administrator cannot sign in; the log tells accounts apart', async () => {
    const { call, log } = await startGateway()
    const sign = async (userName: string) => {
      const user = { userName, givenName: 'A', sn: 'B', mail: 'a@example.net', password: 'Passw0rd!' }
      const created = await call('/managed/user', { method: 'POST', json: user, headers: ADMIN })
      assert.equal(created.status, 201)
      const headers = { 'x-openidm-username': userName, 'x-openidm-password': 'Passw0rd!' }
      return (await call('/info/login', { headers })).status
    }
    assert.equal(await sign('openidm-admin'), 401)
    assert.equal(await sign('bo'), 200)
    const accounts = log.with('access').map(({ who, component }) => `${component}/${who}`)
    assert.ok(
      accounts.includes('internal/user/openidm-admin') && accounts.includes('managed/user/bo'),
      String(accounts),
    )
  })
})
