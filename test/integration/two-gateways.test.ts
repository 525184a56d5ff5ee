import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../lib/contract.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { writeAtomically, writeFiles } from '../helpers/files.ts'
import { testPki } from '../helpers/pki.ts'
import { until } from '../helpers/until.ts'
import { type Pair, STRANGER, startPair } from './pair.ts'

const USER = { userName: 'mortiz', givenName: 'Maria', sn: 'Ortiz', mail: 'mortiz@example.net' }
const USERS = '/external/idm/b/managed/user'

describe('two gateways, from end to end, bearer', () => {
  ownedBySuite()
  let pair: Pair

  before(async () => {
    pair = await startPair()
    await pair.instance('b')
  })

  const call = async (path: string, method = 'GET', json?: unknown, headers: Record<string, string> = {}) => {
    const { a } = pair
    const admin = { 'x-openidm-username': 'openidm-admin', 'x-openidm-password': "UTF-8''Sesam-%C3%B6ffne%3Adich" }
    return a.call(path, { method, headers: { ...admin, ...headers }, ...(json !== undefined && { json }) })
  }

  it('create, read, query, patch, update, action and delete reach the other one', async () => {
    const created = await call(`${USERS}?_action=create`, 'POST', USER)
    assert.equal(created.status, 201)
    const { _id: id, _rev: revision } = created.json as { _id: string; _rev: string }
    assert.equal(created.headers.location, `/openidm/external/idm/b/managed/user/${id}`)
    const there = (await pair.b.call(`/managed/user/${id}`)).json as JsonObject
    assert.deepEqual((await call(`${USERS}/${id}`)).json, there)
    const found = await call(`${USERS}?_queryFilter=userName+eq+'mortiz'&_fields=mail`)
    assert.equal((found.json as { result: { mail: string }[] }).result[0]?.mail, USER.mail)
    const patch = [{ operation: 'replace', field: '/sn', value: 'Lind' }]
    const patched = await call(`${USERS}/${id}`, 'PATCH', patch, { 'if-match': `"${revision}"` })
    assert.equal((patched.json as JsonObject).sn, 'Lind')
    assert.equal((await call(`${USERS}/${id}`, 'PATCH', patch, { 'if-match': '"stale"' })).status, 412)
    const updated = await call(`${USERS}/${id}`, 'PUT', { ...USER, sn: 'Berg' }, { 'if-match': '*' })
    assert.equal((updated.json as JsonObject).sn, 'Berg')
    const action = await call(`${USERS}?_action=patch&_queryId=for-userName&uid=mortiz`, 'POST', patch)
    assert.equal(action.status, 200)
    assert.equal((await call(`${USERS}/${id}`, 'DELETE')).status, 200)
    assert.equal((await call(`${USERS}/${id}`)).status, 404)
  })

  it('says to the remote only who the instance is', async () => {
    const { json } = await call('/external/idm/b/info/login')
    assert.equal((json as JsonObject).authenticationId, 'idm-provisioning')
  })

  describe("the vendor's troubleshooting table", () => {
    const ask = async (name: string) => (await call(`/external/idm/${name}/managed/user?_queryFilter=true`)).json

    it('client missing: 401', async () => {
      await pair.instance('missing', { clientId: 'nobody' })
      assert.deepEqual(await ask('missing'), {
        code: 401,
        reason: 'Unauthorized',
        message:
          'Token endpoint of remote instance "missing": it refused the client (401, invalid_client); check clientId, ' +
          'clientSecret, scope and tokenEndpointAuthMethod, and that the client may use client_credentials',
      })
    })

    it('no static user mapping: 403', async () => {
      await pair.instance('unmapped', { clientId: STRANGER.id, clientSecret: STRANGER.secret })
      const { code, reason } = (await ask('unmapped')) as JsonObject
      assert.deepEqual({ code, reason }, { code: 403, reason: 'Forbidden' })
      const { json } = await call('/external/idm/unmapped?_action=test', 'POST')
      const step = (json as { steps: JsonObject[] }).steps.at(-1)
      assert.match(String(step?.cure), /staticUserMapping/)
    })

    it('disabled, and configuration gone: 404', async () => {
      await pair.instance('off', { enabled: false })
      assert.deepEqual(await ask('off'), {
        code: 404,
        reason: 'Not Found',
        message: 'Remote instance "off" is disabled',
      })
      await rm(join(pair.a.project.conf, 'external.idm-off.json'))
      await until(async () => /there is no conf/.test(String(((await ask('off')) as JsonObject).message)))
    })

    it('untrusted: 502, and trust heals it', async () => {
      await writeFiles(pair.a.project.security, { 'truststore.pem': '' })
      await until(async () => ((await ask('b')) as JsonObject).code === 502)
      assert.match(String(((await ask('b')) as JsonObject).message), /its certificate is not trusted; import/)
      await writeFiles(pair.a.project.security, { 'truststore.pem': (await testPki()).ca })
      await until(async () => ((await ask('b')) as JsonObject).resultCount !== undefined)
    })
  })

  it('create, use, change, disable and delete of an instance over REST need no restart', async () => {
    const config = '/config/external.idm/rest'
    const basic = {
      authType: 'basic',
      instanceUrl: `${pair.b.httpsUrl}/`,
      userName: 'openidm-admin',
      password: 'Sesam-öffne:dich',
    }
    assert.equal((await call(config, 'PUT', basic)).status, 201)
    const use = async () => (await call('/external/idm/rest/managed/user?_queryFilter=true')).status
    assert.equal(await use(), 200)
    assert.equal((await call(config, 'PUT', { ...basic, password: 'wrong' })).status, 200)
    assert.equal(await use(), 401)
    assert.equal(
      (await call(config, 'PATCH', [{ operation: 'replace', field: '/password', value: basic.password }])).status,
      200,
    )
    assert.equal(await use(), 200)
    assert.equal((await call(config, 'PATCH', [{ operation: 'replace', field: '/enabled', value: false }])).status, 200)
    assert.equal(await use(), 404)
    const listed = await call('/config?_queryFilter=_id+sw+"external.idm/"')
    assert.ok((listed.json as { result: JsonObject[] }).result.some(({ _id }) => _id === 'external.idm/rest'))
    assert.equal((await call(config, 'DELETE')).status, 200)
    assert.equal(await use(), 404)
    assert.equal((await call(config)).status, 404)
  })

  it('a file and REST are one truth', async () => {
    const file = join(pair.a.project.conf, 'external.idm-file.json')
    await writeAtomically(file, { authType: 'basic', instanceUrl: 'http://127.0.0.1:1/', userName: 'a', password: 'b' })
    await until(async () => (await call('/config/external.idm/file')).status === 200)
    await rm(file)
    await until(async () => (await call('/config/external.idm/file')).status === 404)
  })
})
