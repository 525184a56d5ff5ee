import assert from 'node:assert/strict'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { ADMIN, ANONYMOUS, pluginFolder, ROUTERS, startGateway, type TestGateway } from '../gateway/parts.ts'
import { openRaw } from '../helpers/raw.ts'
import { type Remote, startRemote } from '../helpers/remote.ts'

const USERS = 'external/idm/eu/managed/user'
const STRANGER = 'internal/role/openidm-reg'
const rule = (pattern: string, methods: string, actions = '') => ({ pattern, roles: STRANGER, methods, actions })
const ALL = { pattern: '*', roles: 'internal/role/openidm-admin', methods: '*', actions: '*' }

/** Refuses every request for users of `eu`, and for the type `secret`. */
const FILTERS = ['external/idm/eu/managed/user($|/.*)', 'managed/secret($|/.*)'].map((pattern) => ({
  pattern,
  onRequest: { type: 'text/javascript', source: 'throw { code: 403, message: "filtered" }' },
}))

async function startPair(rules: readonly object[], more: Record<string, unknown> = {}) {
  const remote = await startRemote()
  const eu = { authType: 'basic', instanceUrl: remote.url, userName: 'svc', password: 'pw' }
  const conf = { 'external.idm-eu.json': eu, 'access.json': { configs: [...rules, ALL] }, ...more }
  return { remote, gateway: await startGateway({ conf, plugins: [packageRoot] }) }
}

/** Sends the request as the stranger. @returns its status */
async function send({ port }: TestGateway, line: string, headers: readonly string[] = [], body = ''): Promise<number> {
  const own = ['Host: gateway', 'X-OpenIDM-Username: anonymous', 'X-OpenIDM-Password: anonymous']
  const json = ['Content-Type: application/json', `Content-Length: ${body.length}`]
  const raw = await openRaw(port)
  await raw.write([`${line} HTTP/1.1`, ...own, ...json, ...headers, '', body].join('\r\n'))
  return (await raw.response()).status
}

const sentTo = (remote: Remote): string[] => remote.requests.map(({ method, url }) => `${method} ${url}`)

describe('the request that the access rules judge is the one that the remote gets', () => {
  it('a POST that X-HTTP-Method-Override calls a GET', async () => {
    const { gateway, remote } = await startPair([rule(`${USERS}/*`, 'read')])
    assert.equal(await send(gateway, `GET /openidm/${USERS}/1`), 200)
    for (const method of ['GET', 'get', ' GET ', 'HEAD', 'OPTIONS', ''])
      assert.ok(
        (await send(gateway, `POST /openidm/${USERS}/1?_action=patch`, [`X-HTTP-Method-Override: ${method}`], '[]')) >=
          400,
      )
    assert.deepEqual(sentTo(remote), ['GET /openidm/managed/user/1'])
  })

  it('a condition that Connection takes away on the way', async () => {
    const { gateway, remote } = await startPair([rule(`${USERS}/*`, 'create')])
    const put = (...headers: string[]) => send(gateway, `PUT /openidm/${USERS}/1`, headers, '{}')
    assert.equal(await put('If-None-Match: *', 'Connection: if-none-match'), 400)
    assert.equal(await put('If-None-Match: *', 'Connection: keep-alive', 'Connection: x, If-None-Match'), 400)
    for (const doubtful of ['If-None-Match: "*"', 'If-None-Match:', 'If-None-Match: *, *', 'If-Match: *'])
      assert.ok([400, 403].includes(await put(doubtful)), doubtful)
    assert.deepEqual(sentTo(remote), [])
    assert.equal(await put('If-None-Match: *'), 200)
    assert.deepEqual(remote.last.raw('if-none-match'), ['*'])
  })

  it('a parameter that only some readers take for _action or _queryFilter', async () => {
    const { gateway, remote } = await startPair([rule(`${USERS}/*`, 'create,read'), rule(USERS, 'create,read')])
    for (const query of ['_act%C4%B1on=delete', '_%C4%B0ction=x', '_action=create&_ACTION=delete', '_action%zz=delete'])
      assert.equal(await send(gateway, `POST /openidm/${USERS}?${query}`, [], '{}'), 400, query)
    assert.equal(await send(gateway, `GET /openidm/${USERS}?_queryF%C4%B1lter=true`), 400)
    assert.deepEqual(sentTo(remote), [])
  })

  it('two Host headers, and two of other headers that have one value', async () => {
    const { gateway, remote } = await startPair([rule('*', 'read')])
    for (const header of ['Host: other', 'X-OpenIDM-Username: openidm-admin', 'Content-Type: text/plain'])
      for (const path of [`${USERS}/1`, 'info/ping'])
        assert.equal(await send(gateway, `GET /openidm/${path}`, [header]), 400, header)
    assert.deepEqual(sentTo(remote), [])
  })

  it('a path that goes round a filter, plain or encoded', async () => {
    const { gateway, remote } = await startPair([rule('*', '*', '*')], { 'router.json': { filters: FILTERS } })
    for (const path of [
      'managed/user/1',
      'managed/%75ser/1',
      'managed/%2575ser/1',
      'managed/user%3Bx/1',
      'managed%3Bx/user/1',
      'managed/user%253Bx/1',
      'managed%2Fuser/1',
      'managed%252Fuser%252F1',
    ]) {
      const status = await send(gateway, `GET /openidm/external/idm/eu/${path}`)
      assert.ok([400, 403].includes(status), `${path}: ${status}`)
    }
    assert.equal(await send(gateway, 'PUT /openidm/external/idm/eu/managed/user', ['If-None-Match: *'], '{}'), 403)
    assert.deepEqual(sentTo(remote), [])
    assert.equal(await send(gateway, 'GET /openidm/external/idm/eu/managed/users/1'), 200)
  })

  it('a filter leaves honest paths with a percent sign alone', async () => {
    const { gateway, remote } = await startPair([], { 'router.json': { filters: FILTERS } })
    const user = { userName: 'a%b', givenName: 'A', sn: 'B', mail: 'a@example.net' }
    for (const id of ['100%25', '%25zz', 'a%2Fb', 'a%3Bb']) {
      assert.equal(
        (await gateway.call(`/managed/user/${id}`, { method: 'PUT', json: user, headers: ADMIN })).status,
        201,
      )
      assert.equal((await gateway.call(`/managed/user/${id}`, { headers: ADMIN })).status, 200, id)
      assert.equal((await gateway.call(`/managed/user/${id}`, { method: 'DELETE', headers: ADMIN })).status, 200)
    }
    assert.equal((await gateway.call('/external/idm/eu/managed/role/100%25')).status, 200)
    assert.deepEqual(sentTo(remote), ['GET /openidm/managed/role/100%25'])
  })

  it('on local resources the override is honoured, and judged as the method that it names', async () => {
    const { gateway } = await startPair([rule('managed/user/*', 'read,patch'), rule('managed/user', 'create')])
    const override = (method: string, path: string, body?: object) =>
      gateway.call(path, {
        method: 'POST',
        headers: { ...ANONYMOUS, 'x-http-method-override': method },
        ...(body && { json: body }),
      })
    const user = { userName: 'bo', givenName: 'Bo', sn: 'Lind', mail: 'bo@example.net' }
    await gateway.call('/managed/user/bo', { method: 'PUT', json: user, headers: ADMIN })
    assert.equal((await override('GET', '/managed/user/bo')).status, 200)
    assert.equal((await override('DELETE', '/managed/user/bo')).status, 403)
    assert.equal((await override('PUT', '/managed/user/bo', user)).status, 403)
    const patched = await override('patch', '/managed/user/bo', [{ operation: 'replace', field: '/sn', value: 'Berg' }])
    assert.equal(patched.status, 200, patched.text)
    const { log } = gateway
    assert.ok(
      log.with('access').some(({ method, path }) => method === 'POST' && String(path).endsWith('/managed/user/bo')),
    )
  })

  it('a router of a plugin sees the method that was judged', async () => {
    const source = `export const activate = (context) => context.registerRouter('/openidm', () => (request, response, next) =>
      request.url.startsWith('/sample') ? response.end(request.method) : next())`
    const plugin = await pluginFolder(source, ROUTERS)
    const conf = { 'access.json': { configs: [rule('sample', 'read'), ALL] } }
    const { call } = await startGateway({ conf, plugins: [plugin] })
    const ask = (method: string) =>
      call('/sample', { method: 'POST', headers: { ...ANONYMOUS, 'x-http-method-override': method } })
    assert.equal((await ask('GET')).text, 'GET')
    assert.equal((await ask('DELETE')).status, 403)
  })
})
