import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../../lib/contract.ts'
import { ownedBySuite } from '../../helpers/clean-up.ts'
import { js } from '../../script/parts.ts'
import { startGateway, type TestGateway } from '../parts.ts'

const PASSWORD = 'Passw0rd!'
const password = { type: 'string', scope: 'private', encryption: { purpose: 'idm.password.encryption' } }
const properties = { userName: { type: 'string', searchable: true }, password, accountStatus: { default: 'active' } }
const type = (name: string, more: JsonObject = {}) => ({ name, schema: { properties }, ...more })

describe('a managed property with encryption, in a gateway', () => {
  ownedBySuite()
  let gateway: TestGateway
  const keysFile = () => join(gateway.project.security, 'crypto.keys')

  before(async () => {
    const read = js('openidm.read("managed/user/" + resourcePath)')
    const onRead = js('object.seen = Object.keys(object).join()')
    gateway = await startGateway({
      conf: {
        'managed.json': { objects: [type('user'), type('scripted', { onRead })] },
        'endpoint-clear.json': js('({ password: openidm.decrypt(openidm.read("managed/user/bo").password) })'),
        'endpoint-read.json': { ...read, context: 'endpoint/read/*' },
        'access.json': {
          configs: [
            { pattern: '*', roles: 'internal/role/openidm-admin', methods: '*', actions: '*' },
            { pattern: 'info/login', roles: 'internal/role/openidm-authorized', methods: 'read', actions: '*' },
          ],
        },
      },
    })
  })

  const call = async (path: string, method = 'GET', json?: unknown, headers?: Record<string, string>) => {
    const response = await gateway.call(path, {
      method,
      ...(json !== undefined && { json }),
      ...(headers && { headers }),
    })
    return { status: response.status, json: response.json as JsonObject, text: response.text }
  }
  const user = { userName: 'bo', password: PASSWORD }

  it('needs no key to be configured: the first one is made when a value is written', async () => {
    await assert.rejects(stat(keysFile()), { code: 'ENOENT' })
    const made = await Promise.all(
      ['bo', 'cy'].map((id) => call(`/managed/user/${id}`, 'PUT', { ...user, userName: id })),
    )
    assert.deepEqual(
      made.map(({ status }) => status),
      [201, 201],
    )
    assert.equal((await stat(keysFile())).mode & 0o777, 0o600)
    const keys = await readFile(keysFile(), 'utf8')
    assert.equal(keys.trim().split('\n').length, 1)
    await call('/managed/user/di', 'PUT', { ...user, userName: 'di' })
    assert.equal(await readFile(keysFile(), 'utf8'), keys)
    const [warning] = gateway.log.entries.filter(({ msg }) => /created the first key/.test(String(msg)))
    assert.equal(warning?.file, keysFile())
  })

  it('is in clear for a script that decrypts it, and hidden over REST', async () => {
    assert.equal((await call('/endpoint/clear')).json.password, PASSWORD)
    for (const path of ['/managed/user/bo', '/managed/user/bo?_fields=password,*', '/managed/user?_queryFilter=true'])
      assert.doesNotMatch((await call(path)).text, /password|crypto/)
    const { json } = await call('/endpoint/read/bo')
    assert.deepEqual(Object.keys(json.password as JsonObject), ['$crypto'])
  })

  it('is shown to the hooks of a read from inside only', async () => {
    await call('/managed/scripted/bo', 'PUT', user)
    assert.equal((await call('/managed/scripted/bo')).json.seen, '_id,_rev,userName,accountStatus')
    const read = js('openidm.read("managed/scripted/bo", null, ["seen", "password"])')
    const { json } = await call('/script?_action=eval', 'POST', read)
    assert.equal(json.seen, '_id,_rev,userName,password,accountStatus')
    assert.deepEqual(Object.keys(json.password as JsonObject), ['$crypto'])
  })

  it('signs its user in', async () => {
    const as = (password: string) =>
      call('/info/login', 'GET', undefined, { 'x-openidm-username': 'bo', 'x-openidm-password': password })
    assert.equal((await as(PASSWORD)).json.authenticationId, 'bo')
    assert.equal((await as('passw0rd!')).status, 401)
  })
})
