import assert from 'node:assert/strict'
import { join } from 'node:path'
import { writeAtomically, writeFiles } from '../helpers/files.ts'
import { request } from '../helpers/http.ts'
import { testPki } from '../helpers/pki.ts'
import { startTokenServer, type TokenClient, type TokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { startForwardProxy } from '../remote/forward-proxy-server.ts'
import { ADMIN, startGateway } from './parts.ts'

const PROXY: TokenClient = { id: 'idm-provisioning', secret: 'pro:xy+%40' }
const STRANGER: TokenClient = { id: 'stranger', secret: 'stranger' }
const UNSCOPED: TokenClient = { id: 'unscoped', secret: 'unscoped', scopes: ['openid'] }
const GATEWAY: TokenClient = { id: 'rs:client', secret: 'r/s+%@', method: 'client_secret_basic' }

const startServer = () =>
  startTokenServer({ hostName: 'localhost', clients: [PROXY, STRANGER, UNSCOPED, GATEWAY], lifetime: 3600 })

async function tokenOf(server: TokenServer, { id, secret, scopes = ['fr:idm:*'] }: TokenClient): Promise<string> {
  const form = { grant_type: 'client_credentials', client_id: id, client_secret: secret, scope: scopes.join(' ') }
  const { json } = await request(server.tokenEndpoint, {
    method: 'POST',
    ca: (await testPki()).ca,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  })
  return (json as { access_token: string }).access_token
}

const authentication = (server: TokenServer) => ({
  rsFilter: {
    clientId: GATEWAY.id,
    clientSecret: GATEWAY.secret,
    tokenIntrospectUrl: server.introspectionEndpoint,
    scopes: ['fr:idm:*'],
    cache: { maxTimeout: '300 seconds' },
    staticUserMapping: [
      {
        subject: '(age!idm-provisioning)',
        localUser: 'internal/user/idm-provisioning',
        roles: ['internal/role/openidm-admin'],
      },
    ],
  },
})

async function startPair() {
  const server = await startServer()
  const started = await startGateway()
  await writeFiles(started.project.security, { 'truststore.pem': (await testPki()).ca })
  const file = join(started.project.conf, 'authentication.json')
  await writeAtomically(file, authentication(server))
  const bearer = (token: string, more = {}) => ({ headers: { authorization: `Bearer ${token}`, ...more } })
  const status = async (token: string, path = '/managed/user/none') => (await started.call(path, bearer(token))).status
  const good = await tokenOf(server, PROXY)
  await until(async () => (await status(good)) === 404, 'the token is accepted')
  return { ...started, server, file, bearer, status, good }
}

describe('bearer tokens of a real token server', () => {
  it('stand for whom they are mapped to, with id, roles and component alone', async () => {
    const { call, bearer, good } = await startPair()
    assert.deepEqual((await call('/info/login', bearer(good))).json, {
      _id: 'login',
      authenticationId: 'idm-provisioning',
      authorization: {
        id: 'idm-provisioning',
        component: 'internal/user',
        roles: ['internal/role/openidm-admin'],
      },
    })
  })

  it('are 401 when unknown, 403 without scope or mapping', async () => {
    const { status, server, call } = await startPair()
    assert.equal(await status('unknown'), 401)
    assert.equal(await status(await tokenOf(server, UNSCOPED)), 403)
    assert.equal(await status(await tokenOf(server, STRANGER)), 403)
    assert.equal((await call('/info/ping', { headers: {} })).status, 401)
  })

  it('are asked about once, with the client in Basic, form-encoded', async () => {
    const { status, server, good } = await startPair()
    const asked = () => server.remote.requests.filter(({ url }) => url.endsWith('/introspect'))
    const before = asked().length
    await Promise.all([status(good), status(good), status(good)])
    assert.equal(asked().length, before)
    const [first] = asked()
    const expected = `Basic ${Buffer.from('rs%3Aclient:r%2Fs%2B%25%40').toString('base64')}`
    assert.equal(first?.headers.authorization, expected)
  })

  it('stand beside the administrator: an unknown one is not looked at next to good credentials', async () => {
    const { call, server } = await startPair()
    const before = server.remote.requests.length
    assert.equal((await call('/info/ping', { headers: { ...ADMIN, authorization: 'Bearer unknown' } })).status, 200)
    assert.equal(server.remote.requests.length, before)
  })

  it('are refused from the moment that the filter is gone', async () => {
    const { status, file, good } = await startPair()
    await writeAtomically(file, {})
    await until(async () => (await status(good)) === 401, 'the token is refused')
  })

  it('are 503 when the token server cannot be asked, without saying where it is', async () => {
    const { call, bearer, server, log } = await startPair()
    const { port } = server.remote
    await server.remote.close()
    const answer = await call('/info/ping', bearer('another'))
    assert.equal(answer.status, 503)
    assert.equal(answer.text.includes(String(port)), false)
    assert.ok(log.lines.some((line) => line.includes('ECONNREFUSED')))
    assert.equal(log.lines.join('').includes(GATEWAY.secret), false)
  })

  it('are 503 while the token server is not trusted', async () => {
    const server = await startServer()
    const { call } = await startGateway({ conf: { 'authentication.json': authentication(server) } })
    assert.equal((await call('/info/ping', { headers: { authorization: 'Bearer x' } })).status, 503)
  })

  it('are introspected through the forward proxy of the environment', async () => {
    const proxy = await startForwardProxy()
    const server = await startTokenServer({ hostName: 'am.example.com', clients: [GATEWAY] })
    const conf = { 'authentication.json': authentication(server) }
    const { call, project } = await startGateway({ conf, env: { HTTPS_PROXY: proxy.uri } })
    await writeFiles(project.security, { 'truststore.pem': (await testPki()).ca })
    assert.equal((await call('/info/ping', { headers: { authorization: 'Bearer unknown' } })).status, 401)
    assert.deepEqual(proxy.asked, [`CONNECT am.example.com:${server.remote.port}`])
  })
})
