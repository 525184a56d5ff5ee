import assert from 'node:assert/strict'
import { type Behaviour, guarded, reply } from '../helpers/behaviours.ts'
import { garbage, resetBeforeHeaders, silence } from '../helpers/faults.ts'
import type { Remote } from '../helpers/remote.ts'
import { loginPage, oauthError, startTokenServer, withoutExpiresIn } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { bearerOf, startTlsRemote } from '../proxy/mounted.ts'
import { startApp } from '../security/app.ts'
import { type Accident, assertNothingLeft, type Fault, leavesNothing, TOKEN, testFaults, toldBy } from './fault.ts'

const SOON = { connectionTimeout: '300 ms', socketTimeout: '300 ms' }

/** A token endpoint that behaves badly until it is healed; the remote wants a good token. */
const endpoint =
  (behaviour: () => Behaviour, more: object = {}) =>
  async (): Promise<Accident> => {
    const tokens = await startTokenServer()
    tokens.answer(behaviour())
    const remote = await startTlsRemote({ behaviour: guarded(tokens.accepts, reply({ body: {} })) })
    const servers: readonly Remote[] = [remote, tokens.remote]
    return { content: bearerOf(remote, tokens, more), heal: () => tokens.answer(tokens.honest), servers: () => servers }
  }

const REFUSED =
  'check clientId, clientSecret, scope and tokenEndpointAuthMethod, and that the client may use client_credentials'
/** After a failure the endpoint is left alone for a second, then twice as long. */
const recoveryMs = 4000

const FAULTS: readonly Fault[] = [
  {
    title: 'it resets the connection',
    status: 502,
    message: `${TOKEN}it closed the connection before the response was complete`,
    recoveryMs,
    arrange: endpoint(resetBeforeHeaders),
  },
  {
    title: 'it does not answer',
    status: 504,
    message: `${TOKEN}it did not begin to answer in time`,
    recoveryMs,
    arrange: endpoint(silence, SOON),
  },
  {
    title: 'it fails',
    status: 502,
    message: `${TOKEN}it failed (500)`,
    recoveryMs,
    arrange: endpoint(() => reply({ status: 500, body: 'java.lang.NullPointerException' })),
  },
  {
    title: 'it refuses the client',
    status: 401,
    message: `${TOKEN}it refused the client (400, invalid_client); ${REFUSED}`,
    recoveryMs,
    arrange: endpoint(() => oauthError(400, 'invalid_client')),
  },
  {
    title: 'it answers with a page',
    status: 502,
    message: `${TOKEN}its answer (200) holds no access token; check tokenEndpoint`,
    recoveryMs,
    arrange: endpoint(loginPage),
  },
  {
    title: 'it speaks no HTTP',
    status: 502,
    message: `${TOKEN}what it sent is no HTTP response`,
    recoveryMs,
    arrange: endpoint(garbage),
  },
]

describe('faults of the token endpoint', () => {
  leavesNothing()
  testFaults(FAULTS)

  it('is not asked by each caller while it is down', async () => {
    const tokens = await startTokenServer()
    tokens.answer(reply({ status: 503 }))
    const remote = await startTlsRemote()
    const app = await startApp({ eu: bearerOf(remote, tokens) })
    const answers = []
    for (let n = 0; n < 20; n++) answers.push(await app.call('eu/x'))
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([503]))
    assert.equal(tokens.requests.length, 1)
    await assertNothingLeft(app, [remote, tokens.remote])
  })

  it('is busy, and says for how long: so are the callers told, and nobody asks it before', async () => {
    const tokens = await startTokenServer()
    tokens.answer(reply({ status: 429, headers: { 'retry-after': '2' } }))
    const remote = await startTlsRemote({ behaviour: guarded(tokens.accepts, reply({ body: {} })) })
    const app = await startApp({ eu: bearerOf(remote, tokens) })
    for (const method of ['GET', 'POST', 'GET']) {
      const { status, headers, json } = await app.call('eu/x', { method })
      assert.deepEqual([status, (json as { message: string }).message], [503, `${TOKEN}it is busy (429)`])
      assert.match(String(headers['retry-after']), /^[12]$/)
    }
    assert.equal(tokens.requests.length, 1)
    tokens.answer(tokens.honest)
    await until(async () => (await app.call('eu/x')).status === 200, 'the token endpoint is asked again')
    await assertNothingLeft(app, [remote, tokens.remote])
  })

  it('is not asked again because the settings of another instance change', async () => {
    const tokens = await startTokenServer()
    const remote = await startTlsRemote({ behaviour: guarded(tokens.accepts, reply({ body: {} })) })
    const app = await startApp({ eu: bearerOf(remote, tokens), us: bearerOf(remote, tokens) })
    await app.call('eu/x')
    await app.configure('us', bearerOf(remote, tokens, { maxConnections: 3 }))
    await app.call('eu/x')
    assert.equal(tokens.requests.length, 1)
    await assertNothingLeft(app, [remote, tokens.remote])
  })

  it('a token that was revoked is replaced, and the caller notices nothing', async () => {
    const tokens = await startTokenServer()
    const remote = await startTlsRemote({ behaviour: guarded(tokens.accepts, reply({ body: {} })) })
    const app = await startApp({ eu: bearerOf(remote, tokens) })
    for (let n = 1; n <= 3; n++) {
      assert.equal((await app.call('eu/x')).status, 200)
      assert.equal(tokens.requests.length, n)
      tokens.store.revoke()
    }
    assert.deepEqual([toldBy(app), app.status('eu')?.state], [[], 'READY'])
    await assertNothingLeft(app, [remote, tokens.remote])
  })

  it('a grant without expires_in is used for five minutes', async () => {
    const tokens = await startTokenServer()
    tokens.rewrite = withoutExpiresIn
    const remote = await startTlsRemote({ behaviour: guarded(tokens.accepts, reply({ body: {} })) })
    const app = await startApp({ eu: bearerOf(remote, tokens) })
    for (let n = 0; n < 3; n++) assert.equal((await app.call('eu/x')).status, 200)
    assert.equal(tokens.requests.length, 1)
    await assertNothingLeft(app, [remote, tokens.remote])
  })
})
