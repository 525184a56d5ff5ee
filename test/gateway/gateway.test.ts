import assert from 'node:assert/strict'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomically } from '../helpers/files.ts'
import { request } from '../helpers/http.ts'
import { testPki } from '../helpers/pki.ts'
import { until } from '../helpers/until.ts'
import { ADMIN, ANONYMOUS, PASSWORD, pluginFolder, ROUTERS, startGateway } from './parts.ts'

const basic = (username: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
})

const DENIED = { code: 401, reason: 'Unauthorized', message: 'Access Denied' }
const FORBIDDEN = { code: 403, reason: 'Forbidden', message: 'Access denied' }

const AMIRA = { userName: 'amira', givenName: 'Amira', sn: 'Haddad', mail: 'amira@example.net' }

describe('gateway', () => {
  it('serves info, health and managed users to whom it should', async () => {
    const { call } = await startGateway()
    const ping = { _id: '', _rev: '', shortDesc: 'OpenIDM ready', state: 'ACTIVE_READY' }
    for (const path of ['/info/ping', '/health']) {
      assert.deepEqual((await call(path, { headers: ANONYMOUS })).json, ping)
    }
    for (const path of ['/health/live', '/health/ready']) {
      const answer = await call(path, { headers: ANONYMOUS })
      assert.deepEqual([answer.status, answer.json], [200, {}])
    }
    const version = (await call('/info/version', { headers: ANONYMOUS })).json as Record<string, unknown>
    assert.deepEqual(Object.keys(version), ['_id', 'productVersion', 'productRevision'])
    assert.equal((await call('/info/nothing')).status, 404)
    const created = await call('/managed/user/amira', { method: 'PUT', json: AMIRA })
    assert.equal(created.status, 201)
    assert.deepEqual((await call('/managed/user', { headers: ANONYMOUS })).json, FORBIDDEN)
  })

  it('says who is signed in', async () => {
    const { call } = await startGateway()
    assert.deepEqual((await call('/info/login', { headers: ANONYMOUS })).json, {
      _id: 'login',
      authenticationId: 'anonymous',
      authorization: {
        id: 'anonymous',
        component: 'internal/user',
        roles: ['internal/role/openidm-reg'],
        moduleId: 'STATIC_USER',
        authenticationId: 'anonymous',
        authLogin: false,
        ipAddress: '127.0.0.1',
      },
    })
  })

  it('knows callers by headers or Basic, and nobody else', async () => {
    const { call } = await startGateway()
    const statusFor = async (headers: Record<string, string>) => (await call('/managed/user/none', { headers })).status
    assert.equal(await statusFor(ADMIN), 404)
    assert.equal(await statusFor(basic('openidm-admin', PASSWORD)), 404)
    assert.equal(await statusFor({ ...ADMIN, authorization: 'Bearer unknown' }), 404)
    assert.equal(await statusFor({ ...ADMIN, ...basic('openidm-admin', 'wrong') }), 404)
    assert.equal(await statusFor({ ...ADMIN, 'x-openidm-password': 'wrong', ...basic('openidm-admin', PASSWORD) }), 401)
    assert.equal(await statusFor(basic('openidm-admin', 'wrong')), 401)
    assert.equal(await statusFor({ authorization: 'Bearer unknown' }), 401)
    assert.equal(await statusFor({}), 401)
    const { json, headers } = await call('/managed/user/none', { headers: {} })
    assert.deepEqual(json, DENIED)
    assert.equal(headers['www-authenticate'], 'Basic realm="OpenIDM", charset="UTF-8"')
  })

  it('H11: refuses what a browser may have been made to send', async () => {
    const { call } = await startGateway({
      conf: {
        'authentication.json': {
          rsFilter: {
            clientId: 'rs',
            clientSecret: 'x',
            tokenIntrospectUrl: 'https://127.0.0.1:1/',
            anonymousUserMapping: { localUser: 'internal/user/anonymous', roles: ['internal/role/openidm-admin'] },
          },
        },
      },
    })
    const create = { method: 'POST', json: { name: 'a role' } }
    assert.equal((await call('/managed/role', { ...create, headers: {} })).status, 201)
    assert.equal((await call('/managed/role', { ...create, headers: { cookie: 'a=b' } })).status, 403)
    assert.equal((await call('/managed/role?_queryFilter=true', { headers: { cookie: 'a=b' } })).status, 403)
    assert.equal((await call('/info/ping', { headers: { cookie: 'a=b' } })).status, 200)
    const scripted = { cookie: 'a=b', 'x-requested-with': 'x' }
    assert.equal((await call('/managed/role', { ...create, headers: scripted })).status, 201)
  })

  it('follows conf/access.json while it runs', async () => {
    const rule = { pattern: 'managed/user/*', roles: 'internal/role/openidm-reg', methods: 'read', actions: '' }
    const { call, project } = await startGateway({ conf: { 'access.json': { configs: [rule] } } })
    const file = join(project.conf, 'access.json')
    const status = async (path: string, headers = ANONYMOUS) => (await call(path, { headers })).status
    assert.equal(await status('/managed/user/none'), 404)
    assert.equal(await status('/managed/user/none', ADMIN), 403)
    await writeAtomically(file, { configs: [{ ...rule, customAuthz: 'ownDataOnly()' }] })
    await rename(file, join(project.conf, 'parked'))
    await until(async () => (await status('/managed/user/none')) === 403, 'the default rules are back')
    assert.equal(await status('/managed/user/none', ADMIN), 404)
  })

  it('serves HTTPS as well, with the certificate in security/', async () => {
    const { httpsUrl } = await startGateway({ https: true })
    const { ca } = await testPki()
    const { status, json } = await request(`${httpsUrl}/info/ping`, { ca, headers: ADMIN })
    assert.equal(status, 200)
    assert.equal((json as Record<string, unknown>).state, 'ACTIVE_READY')
  })

  it('puts a plugin behind authentication and access rules, and serves what it passes on', async () => {
    const plugin = await pluginFolder(
      `export const activate = (context) => context.registerRouter('/openidm', () => (request, response, next) =>
        request.url.startsWith('/sample') ? response.end(request.url) : next())`,
      ROUTERS,
    )
    const { call } = await startGateway({ plugins: [plugin] })
    assert.equal((await call('/sample/a%2Fb?x=%2e', {})).text, '/sample/a%2Fb?x=%2e')
    assert.equal((await call('/sample/x', { headers: ANONYMOUS })).status, 403)
    assert.equal((await call('/sample/x', { headers: {} })).status, 401)
    assert.equal((await call('/info/ping')).status, 200)
    const missing = await call('/else/x')
    assert.deepEqual(missing.json, { code: 404, reason: 'Not Found', message: "Resource 'else/x' not found" })
  })

  it('answers 500 without a stack when a plugin throws, rejects, or hands an error on', async () => {
    const plugin = await pluginFolder(
      `export const activate = (context) => context.registerRouter('/openidm', () => (request, response, next) => {
        if (request.url === '/sample/throw') throw new Error('inner')
        if (request.url === '/sample/reject') return Promise.reject(new Error('inner'))
        next(new Error('inner'))
      })`,
      ROUTERS,
    )
    const { call, log } = await startGateway({ plugins: [plugin] })
    for (const path of ['throw', 'reject', 'next']) {
      const { status, text } = await call(`/sample/${path}`)
      assert.equal(status, 500)
      assert.deepEqual(JSON.parse(text), {
        code: 500,
        reason: 'Internal Server Error',
        message: 'Internal Server Error',
      })
    }
    assert.equal(log.with('Internal Server Error').length, 3)
  })

  it('hands the plugin a transaction id of its own, unless callers are trusted', async () => {
    const echo = await pluginFolder(
      `export const activate = (context) => context.registerRouter('/openidm', () => (request, response, next) =>
        request.url === '/sample' ? response.end(request.headers['x-forgerock-transactionid']) : next())`,
      ROUTERS,
    )
    const headers = { ...ADMIN, 'x-forgerock-transactionid': 'mine/0' }
    const careful = await startGateway({ plugins: [echo] })
    const id = (await careful.call('/sample', { headers })).text
    assert.match(id, /^[\da-f-]{36}-\d+$/)
    await until(() => careful.log.with('access').some(({ transactionId }) => transactionId === id))
    const trusting = await startGateway({ plugins: [echo], conf: { 'gateway.json': { trustTransactionHeader: true } } })
    assert.equal((await trusting.call('/sample', { headers })).text, 'mine/0')
    const bad = { ...ADMIN, 'x-forgerock-transactionid': 'a b' }
    assert.match((await trusting.call('/sample', { headers: bad })).text, /^[\da-f-]{36}-\d+$/)
  })

  it('writes one access line per request, with names of query parameters only', async () => {
    const { call, log } = await startGateway()
    await call('/managed/user?_queryFilter=sn+eq+%22CANARY%22&x=CANARY')
    await call('/info/ping', { headers: { ...ADMIN, 'x-openidm-password': 'CANARY' } })
    await until(() => log.with('access').length === 2)
    const [first = {}, second = {}] = log.with('access')
    assert.deepEqual(
      [first.who, first.method, first.path, first.query, first.status],
      ['openidm-admin', 'GET', '/openidm/managed/user', ['_queryFilter', 'x'], 200],
    )
    assert.equal(typeof first.ms, 'number')
    assert.deepEqual([second.who, second.status], [undefined, 401])
    assert.equal(log.lines.join('').includes('CANARY'), false)
  })

  it('S1: shows configuration without its secrets, those that plugins name as well', async () => {
    const plugin = await pluginFolder('export const activate = () => undefined', {
      contributes: {
        configuration: [{ factoryPid: 'sample', files: 'sample-*.json', secretFields: ['key', 'in/ner'] }],
      },
    })
    const rsFilter = { clientId: 'rs', clientSecret: 'CANARY', tokenIntrospectUrl: 'https://127.0.0.1:1/' }
    const { call } = await startGateway({
      plugins: [plugin],
      conf: {
        'authentication.json': { rsFilter },
        'sample-one.json': { key: 'CANARY', in: { ner: 'CANARY' }, shown: 'shown' },
      },
    })
    for (const path of ['/config/authentication', '/config/sample/one', '/config?_queryFilter=true']) {
      const { status, text } = await call(path)
      assert.deepEqual([path, status, text.includes('CANARY')], [path, 200, false])
    }
    assert.equal((await call('/config', { headers: ANONYMOUS })).status, 403)
    const rule = { pattern: '*', roles: '*', methods: 'read', customAuthz: 'x(' }
    const refused = await call('/config/access', { method: 'PUT', json: { configs: [rule] } })
    assert.deepEqual([refused.status, refused.text.includes('customAuthz')], [400, true])
  })

  it('leaves nothing behind when it cannot start', async () => {
    const first = await startGateway()
    await first.gateway.stop()
    const plugin = await pluginFolder("export const activate = () => { throw new Error('no tea') }")
    await assert.rejects(startGateway({ plugins: [plugin] }), /no tea/)
  })
})
