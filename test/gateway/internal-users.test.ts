import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { startGateway, type TestGateway } from './parts.ts'

const ADMINISTRATOR = 'internal/role/openidm-admin'
const basic = (user: string, password: string) => ({
  headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
})

describe('internal users', () => {
  ownedBySuite()
  let gateway: TestGateway

  before(async () => {
    gateway = await startGateway()
    const put = (id: string, json: JsonObject) => gateway.call(`/internal/user/${id}`, { method: 'PUT', json })
    const created = await put('operator', { password: 'Passw0rd', roles: [{ _ref: ADMINISTRATOR }] })
    assert.equal(created.status, 201)
    assert.equal(created.text.includes('password'), false)
    assert.equal((await put('reader', { password: 'Passw0rd' })).status, 201)
    assert.equal((await put('token-only', { roles: [ADMINISTRATOR] })).status, 201)
  })

  it('sign in with their id, and have the roles that they are given', async () => {
    const { json } = await gateway.call('/info/login', basic('operator', 'Passw0rd'))
    assert.deepEqual(json, {
      _id: 'login',
      authenticationId: 'operator',
      authorization: {
        id: 'operator',
        component: 'internal/user',
        roles: [ADMINISTRATOR],
        moduleId: 'INTERNAL_USER',
        authenticationId: 'operator',
        authLogin: false,
        ipAddress: '127.0.0.1',
      },
    })
    assert.equal((await gateway.call('/config', basic('operator', 'Passw0rd'))).status, 200)
  })

  it('may do no more than that', async () => {
    assert.equal((await gateway.call('/info/ping', basic('reader', 'Passw0rd'))).status, 200)
    assert.equal((await gateway.call('/config', basic('reader', 'Passw0rd'))).status, 403)
    assert.equal((await gateway.call('/internal/user?_queryFilter=true', basic('reader', 'Passw0rd'))).status, 403)
  })

  it('do not sign in with a wrong password, or without one', async () => {
    for (const [user, password] of [
      ['operator', 'wrong'],
      ['token-only', ''],
      ['nobody', 'Passw0rd'],
    ] as const) {
      assert.equal((await gateway.call('/info/ping', basic(user, password))).status, 401, user)
    }
  })

  it('do not show their passwords', async () => {
    const { text } = await gateway.call('/internal/user?_queryFilter=true')
    assert.match(text, /"operator"/)
    assert.doesNotMatch(text, /password|crypto/)
  })
})
