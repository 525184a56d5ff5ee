import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { ADMIN, ANONYMOUS, startGateway } from '../parts.ts'

const FOREIGN = {
  $crypto: {
    type: 'x-simple-encryption',
    value: {
      cipher: 'AES/CBC/PKCS5Padding',
      stableId: 'openidm-sym-default',
      purpose: 'idm.config.encryption',
      keySize: 16,
      salt: 'c2FsdHNhbHRzYWx0c2FsdA==',
      iv: 'aXZpdml2aXZpdml2aXZpdg==',
      data: 'ZGF0YWRhdGFkYXRhZGF0YQ==',
      mac: 'bWFjbWFjbWFjbWFjbWFjbQ==',
    },
  },
}
const user = (username: string, password: unknown, roles: string[], more = {}) => ({
  name: 'STATIC_USER',
  enabled: true,
  properties: { queryOnResource: 'internal/user', username, password, defaultUserRoles: roles },
  ...more,
})
const managed = (properties: object = {}, enabled: unknown = true) => ({
  name: 'MANAGED_USER',
  enabled,
  properties: {
    queryId: 'credential-query',
    queryOnResource: 'managed/user',
    propertyMapping: { authenticationId: 'username', userCredential: 'password', userRoles: 'authzRoles' },
    ...properties,
  },
})
const SESSION = {
  name: 'JWT_SESSION',
  properties: { keyAlias: '&{openidm.https.keystore.cert.alias}', privateKeyPassword: FOREIGN },
}
const ROLE = 'internal/role/openidm-authorized'

async function gatewayWith(...authModules: object[]) {
  const conf = { 'authentication.json': { serverAuthContext: { sessionModule: SESSION, authModules } } }
  const gateway = await startGateway({ conf })
  const amira = {
    userName: 'amira',
    givenName: 'A',
    sn: 'N',
    mail: 'a@example.com',
    password: 'Pass-word1',
    accountStatus: 'active',
  }
  const { call } = gateway
  assert.equal((await call('/managed/user/amira', { method: 'PUT', json: amira })).status, 201)
  assert.equal(
    (await call('/internal/user/svc', { method: 'PUT', json: { password: 'Pass-word2', roles: ['internal/role/x'] } }))
      .status,
    201,
  )
  const login = async (username: string, password: string) => {
    const headers = { 'x-openidm-username': username, 'x-openidm-password': password }
    const { status, json } = await call('/info/login', { headers })
    return status === 200 ? ((json as JsonObject).authorization as JsonObject).roles : status
  }
  return { ...gateway, login }
}

const notices = ({ gateway }: Awaited<ReturnType<typeof gatewayWith>>) =>
  gateway.notices.map(({ pointer, reason }) => `${pointer.join('.')}: ${reason}`)

describe('the login modules of authentication.json', function () {
  this.timeout(30_000)

  it('say who may sign in, and with what roles; expressions and keys that nobody needs are not missed', async () => {
    const gateway = await gatewayWith(
      user('anonymous', FOREIGN, ['internal/role/a', 'internal/role/b']),
      user('openidm-admin', '&{openidm.admin.password.of.idm}', [ROLE]),
      user('reader', 'static-password', ['internal/role/reader']),
      user('lost', FOREIGN, ['internal/role/openidm-admin']),
      user('off', 'static-password', ['internal/role/openidm-admin'], { enabled: false }),
      managed({
        defaultUserRoles: [ROLE, 'internal/role/c'],
        augmentSecurityContext: { type: 'text/javascript', source: "require('auth/customAuthz').x(security)" },
      }),
      {
        name: 'INTERNAL_USER',
        properties: { queryOnResource: 'internal/user', defaultUserRoles: ['internal/role/d'] },
      },
      { name: 'PASSTHROUGH', properties: { queryOnResource: 'system/ldap/account' } },
      { name: 'CLIENT_CERT', enabled: 'false' },
    )
    const { login, call } = gateway
    assert.equal((await call('/info/login', { headers: ADMIN })).status, 200)
    assert.deepEqual(await login('anonymous', 'anonymous'), ['internal/role/a', 'internal/role/b'])
    assert.deepEqual(await login('reader', 'static-password'), ['internal/role/reader'])
    assert.deepEqual(await login('amira', 'Pass-word1'), [ROLE, 'internal/role/c'])
    assert.deepEqual(await login('svc', 'Pass-word2'), ['internal/role/d', 'internal/role/x'])
    for (const name of ['lost', 'off']) assert.equal(await login(name, 'static-password'), 401)
    assert.deepEqual(notices(gateway), [
      'serverAuthContext.sessionModule: there are no sessions: each request carries its credentials',
      'serverAuthContext.authModules.3.properties.password: lost cannot sign in: the password has no value, or is encrypted with another key',
      'serverAuthContext.authModules.5.properties.augmentSecurityContext: it has no effect here',
      'serverAuthContext.authModules.7: it grants no login: there is no module PASSTHROUGH here',
    ])
  })

  it('that are absent or disabled let nobody in, except the administrator', async () => {
    const gateway = await gatewayWith(managed({}, false))
    const { login, call } = gateway
    assert.equal((await call('/info/login', { headers: ADMIN })).status, 200)
    assert.equal((await call('/info/login', { headers: ANONYMOUS })).status, 401)
    assert.equal(await login('amira', 'Pass-word1'), 401)
    assert.equal(await login('svc', 'Pass-word2'), 401)
    assert.match(notices(gateway).at(-1) ?? '', /openidm-admin can sign in although no module names it/)
  })

  it('that look up other objects let nobody in', async () => {
    const gateway = await gatewayWith(managed({ queryOnResource: 'managed/alpha_user' }))
    assert.equal(await gateway.login('amira', 'Pass-word1'), 401)
    assert.match(notices(gateway).join('\n'), /accounts of managed\/alpha_user are not looked up here/)
  })
})
