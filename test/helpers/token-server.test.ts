import assert from 'node:assert/strict'
import { guarded, held, reply, times } from './behaviours.ts'
import { silence } from './faults.ts'
import { open, request, toLoopback } from './http.ts'
import { testPki } from './pki.ts'
import { startRemote } from './remote.ts'
import {
  DEFAULT_CLIENT,
  loginPage,
  oauthError,
  startTokenServer,
  type TokenClient,
  type TokenServer,
  withoutExpiresIn,
} from './token-server.ts'
import { until } from './until.ts'

const basicClient: TokenClient = { id: 'id:+/@%', secret: DEFAULT_CLIENT.secret, method: 'client_secret_basic' }

const form = (parameters: Record<string, string>) => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams(parameters).toString(),
})

const credentials = ({ id, secret }: TokenClient) => ({ client_id: id, client_secret: secret })
const grant = { grant_type: 'client_credentials', scope: 'fr:idm:*' }
const good = form({ ...grant, ...credentials(DEFAULT_CLIENT) })

const withBasic = ({ id, secret }: TokenClient, encode = encodeURIComponent) => {
  const { headers, ...call } = form(grant)
  const authorization = `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`
  return { ...call, headers: { ...headers, authorization } }
}

async function tokenOf(server: TokenServer): Promise<string> {
  const { json } = await request(server.tokenEndpoint, { ...good, lookup: toLoopback })
  const { access_token: token } = json as { access_token: string }
  return token
}

describe('token server', () => {
  it('issues over TLS, by the post method', async () => {
    const server = await startTokenServer({ lifetime: 77 })
    const { ca } = await testPki()
    assert.match(
      server.tokenEndpoint,
      /^https:\/\/am\.example\.com:\d+\/am\/oauth2\/realms\/root\/realms\/alpha\/access_token$/,
    )
    const { status, json } = await request(server.tokenEndpoint, { ...good, ca, lookup: toLoopback })
    assert.equal(status, 200)
    const { access_token: token, ...rest } = json as Record<string, unknown>
    assert.deepEqual(rest, { token_type: 'Bearer', scope: 'fr:idm:*', expires_in: 77 })
    assert.deepEqual(server.store.active, [token])
    assert.equal(server.requests.length, 1)
    assert.equal(server.remote.last.text, good.body)
  })

  it('reads Basic as RFC 6749 says, or raw', async () => {
    const strict = await startTokenServer({ tls: false, clients: [basicClient] })
    assert.equal((await request(strict.tokenEndpoint, { ...withBasic(basicClient), lookup: toLoopback })).status, 200)
    const client = { ...basicClient, id: 'proxy' }
    const loose = await startTokenServer({ tls: false, clients: [client], basic: 'raw' })
    const raw = withBasic(client, String)
    assert.equal((await request(loose.tokenEndpoint, { ...raw, lookup: toLoopback })).status, 200)
    const encoded = withBasic(client)
    assert.equal((await request(loose.tokenEndpoint, { ...encoded, lookup: toLoopback })).status, 401)
  })

  it('refuses a wrong secret, a wrong method, an unknown client and a scope that is not allowed', async () => {
    const clients = [DEFAULT_CLIENT, basicClient, { id: 'small', secret: 's', scopes: ['other'] }]
    const server = await startTokenServer({ tls: false, clients })
    const refusals: [object, number, string][] = [
      [form({ ...grant, ...credentials({ ...DEFAULT_CLIENT, secret: 'wrong' }) }), 401, 'invalid_client'],
      [form({ ...grant, ...credentials(basicClient) }), 401, 'invalid_client'],
      [withBasic(DEFAULT_CLIENT), 401, 'invalid_client'],
      [form({ ...grant, ...credentials({ id: 'nobody', secret: 'x' }) }), 401, 'invalid_client'],
      [form({ ...grant, client_id: 'small', client_secret: 's' }), 400, 'invalid_scope'],
      [form({ ...credentials(DEFAULT_CLIENT), grant_type: 'password' }), 400, 'unsupported_grant_type'],
    ]
    for (const [call, status, error] of refusals) {
      const answer = await request(server.tokenEndpoint, { ...call, lookup: toLoopback })
      assert.deepEqual([answer.status, (answer.json as { error: string }).error], [status, error])
    }
    assert.deepEqual(server.store.active, [])
  })

  it('introspects and revokes', async () => {
    const server = await startTokenServer({ tls: false })
    const token = await tokenOf(server)
    const isActive = async (): Promise<unknown> => {
      const call = form({ token, ...credentials(DEFAULT_CLIENT) })
      const { json } = await request(server.introspectionEndpoint, { ...call, lookup: toLoopback })
      return (json as { active: unknown }).active
    }
    assert.equal(await isActive(), true)
    server.store.revoke(token)
    assert.equal(await isActive(), false)
    assert.equal(server.requests.length, 1)
  })

  it('guards a remote, also against tokens that ended', async () => {
    const server = await startTokenServer({ tls: false })
    const remote = await startRemote({ behaviour: guarded(server.accepts, reply()) })
    const status = async (authorization: string): Promise<number> =>
      (await request(remote.url, { headers: { authorization } })).status
    assert.equal(await status(`Bearer ${await tokenOf(server)}`), 200)
    assert.equal(await status('Bearer other'), 401)
    server.lifetime = 1
    const short = await tokenOf(server)
    await until(() => !server.store.isActive(short))
    assert.equal(await status(`Bearer ${short}`), 401)
  })

  it('fails as it is told to', async () => {
    const server = await startTokenServer({ tls: false })
    const call = () => request(server.tokenEndpoint, { ...good, lookup: toLoopback })
    server.answer(times(1, oauthError(500, 'server_error'), server.honest))
    assert.deepEqual([(await call()).status, (await call()).status], [500, 200])
    server.answer(loginPage())
    assert.match((await call()).text, /Sign in/)
    server.answer(server.honest)
    server.rewrite = withoutExpiresIn
    assert.deepEqual(Object.keys((await call()).json as object).sort(), ['access_token', 'scope', 'token_type'])
    server.answer(silence())
    const hanging = open(server.tokenEndpoint, { ...good, lookup: toLoopback })
    await until(() => server.requests.length === 5)
    hanging.outgoing.destroy()
    const gate = held(server.honest)
    server.answer(gate)
    const slow = call()
    await until(() => gate.waiting === 1)
    gate.release()
    assert.equal((await slow).status, 200)
  })

  it('prints nothing', async () => {
    const printed: unknown[] = []
    const { info, warn } = console
    Object.assign(console, { info: (text: unknown) => printed.push(text), warn: (text: unknown) => printed.push(text) })
    try {
      await tokenOf(await startTokenServer({ tls: false }))
    } finally {
      Object.assign(console, { info, warn })
    }
    assert.deepEqual(printed, [])
  })
})
