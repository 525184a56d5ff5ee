import assert from 'node:assert/strict'
import { createAgent } from '../../lib/core/http/agent.ts'
import { tokenFetcher } from '../../lib/remote/auth/token-endpoint.ts'
import { type Behaviour, noContent, redirect, reply } from '../helpers/behaviours.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { cutShort, garbage, resetAfterHeaders, resetBeforeHeaders, silence } from '../helpers/faults.ts'
import { type Remote, startRemote } from '../helpers/remote.ts'
import { loginPage, oauthError } from '../helpers/token-server.ts'
import { bearerOf, bearerProperties } from '../proxy/mounted.ts'

const SUBJECT = 'Token endpoint of remote instance "eu": '
const CLIENT =
  'check clientId, clientSecret, scope and tokenEndpointAuthMethod, and that the client may use client_credentials'
const ADDRESS = 'check tokenEndpoint, the realm in it included'

const json = (body: string): Behaviour => reply({ headers: { 'content-type': 'application/json' }, body })
const page = (status: number): Behaviour =>
  reply({ status, headers: { 'content-type': 'text/html' }, body: '<html>no</html>' })
/** For an endpoint that does not answer. */
const SOON = { connectionTimeout: '300 ms', socketTimeout: '300 ms' }
const token = { access_token: 'abc', token_type: 'Bearer' }

/** What the endpoint does, and what the caller is told. */
const FAILURES: [title: string, behaviour: Behaviour, status: number, message: string][] = [
  [
    '401 invalid_client',
    oauthError(401, 'invalid_client'),
    401,
    `it refused the client (401, invalid_client); ${CLIENT}`,
  ],
  ['400 invalid_scope', oauthError(400, 'invalid_scope'), 401, `it refused the client (400, invalid_scope); ${CLIENT}`],
  ['403 with a page', page(403), 401, `it refused the client (403); ${CLIENT}`],
  ['404 with a page', page(404), 502, `its URL is not a token endpoint (404); ${ADDRESS}`],
  ['405 with a page', page(405), 502, `its URL is not a token endpoint (405); ${ADDRESS}`],
  ['406 with JSON', oauthError(406, 'nope'), 401, `it refused the client (406, nope); ${CLIENT}`],
  ['400 with words for an error', oauthError(400, 'no\n"spaces"'), 401, `it refused the client (400); ${CLIENT}`],
  [
    '400 without end',
    reply({ status: 400, body: { error: 'x'.repeat(70_000) } }),
    401,
    `it refused the client (400); ${CLIENT}`,
  ],
  ['500 server_error', oauthError(500, 'server_error'), 502, 'it failed (500, server_error)'],
  ['503 with nothing', reply({ status: 503 }), 503, 'it is busy (503)'],
  ['429 with a page', page(429), 503, 'it is busy (429)'],
  ['429 with JSON', oauthError(429, 'slow_down'), 503, 'it is busy (429, slow_down)'],
  ['200 with a login page', loginPage(), 502, 'its answer (200) holds no access token; check tokenEndpoint'],
  ['200 with nothing', reply(), 502, 'its answer (200) holds no access token; check tokenEndpoint'],
  ['200 with half a document', json('{"access'), 502, 'its answer (200) holds no access token; check tokenEndpoint'],
  [
    '200 with a prototype',
    json('{"access_token":"x","__proto__":{}}'),
    502,
    'its answer (200) holds no access token; check tokenEndpoint',
  ],
  ['200 with null', json('null'), 502, 'its answer holds no access token; check tokenEndpoint'],
  ['200 with a list', json('[]'), 502, 'its answer holds no access token; check tokenEndpoint'],
  ['200 without a token', json('{}'), 502, 'its answer holds no access token; check tokenEndpoint'],
  [
    '200 with a number for a token',
    json('{"access_token":5}'),
    502,
    'its answer holds no access token; check tokenEndpoint',
  ],
  [
    'a token that would split a header',
    reply({ body: { access_token: 'a\r\nX: y' } }),
    502,
    'its answer holds no access token; check tokenEndpoint',
  ],
  ['204', noContent(), 502, 'its answer (204) holds no access token; check tokenEndpoint'],
  ['302', redirect('/login'), 502, 'its answer (302) holds no access token; check tokenEndpoint'],
  [
    'an answer of 70 KB',
    reply({ body: { access_token: 'x'.repeat(70_000) } }),
    502,
    'its answer is incomplete, or larger than 64 KB',
  ],
  ['half an answer', cutShort(), 502, 'its answer is incomplete, or larger than 64 KB'],
  ['a reset behind the headers', resetAfterHeaders(), 502, 'its answer is incomplete, or larger than 64 KB'],
  ['a reset', resetBeforeHeaders(), 502, 'it closed the connection before the response was complete'],
  ['no HTTP', garbage(), 502, 'what it sent is no HTTP response'],
  ['silence', silence(), 504, 'it did not begin to answer in time'],
  [
    'a body that stops',
    ({ response }) => response.writeHead(200, { 'content-type': 'application/json' }).write('{'),
    504,
    'it stopped sending in the middle of the exchange',
  ],
]

/** What `expires_in` says, and for how long the token is kept. */
const LIVES: [expiresIn: unknown, ms: number][] = [
  [3600, 3_600_000],
  ['3599', 3_599_000],
  [0.5, 500],
  [undefined, 300_000],
  [null, 300_000],
  [0, 300_000],
  [-1, 300_000],
  ['soon', 300_000],
  [1e12, 86_400_000],
]

describe('the token endpoint', () => {
  ownedBySuite()
  let remote: Remote
  before(async () => {
    remote = await startRemote()
  })

  const fetcher = (more: object = {}) => {
    const properties = bearerProperties(bearerOf(remote, { tokenEndpoint: remote.url }, more))
    const settings = { properties, secureContext: () => assert.fail('http') }
    const agent = createAgent(new URL(remote.url), settings, false)
    return tokenFetcher('eu', properties, () => agent)
  }

  for (const [title, behaviour, status, message] of FAILURES) {
    it(`${title} is ${status}`, async () => {
      remote.answer(behaviour)
      await assert.rejects(fetcher(status === 504 ? SOON : {})(), {
        name: 'ResourceException',
        code: status,
        message: SUBJECT + message,
      })
    })
  }

  const PATIENCE: [header: string | undefined, ms: number | undefined][] = [
    ['7', 7000],
    ['soon', undefined],
    [undefined, undefined],
  ]
  for (const [header, retryAfterMs] of PATIENCE)
    for (const status of [429, 503])
      it(`${status} with Retry-After ${header} asks to come again after ${retryAfterMs} ms`, async () => {
        remote.answer(reply({ status, headers: header === undefined ? {} : { 'retry-after': header } }))
        await assert.rejects(fetcher()(), { code: 503, retryAfterMs })
      })

  for (const [expiresIn, life] of LIVES) {
    it(`expires_in ${JSON.stringify(expiresIn)} means ${life} ms`, async () => {
      remote.answer(reply({ body: { ...token, expires_in: expiresIn } }))
      assert.deepEqual(await fetcher()(), { value: 'abc', life })
    })
  }

  it('a media type with parameters, or of the JSON family, is JSON', async () => {
    for (const type of ['application/json;charset=UTF-8', 'application/vnd.am+json']) {
      remote.answer(reply({ headers: { 'content-type': type }, body: token }))
      assert.equal((await fetcher()()).value, 'abc')
    }
  })

  it('the query of the address goes with it', async () => {
    remote.answer(reply({ body: token }))
    await fetcher({ tokenEndpoint: `${remote.url}token?realm=/alpha` })()
    assert.equal(remote.last.url, '/openidm/token?realm=/alpha')
    assert.equal(remote.last.method, 'POST')
  })

  for (const more of [{ connectionTimeout: 'zero' }, { connectionTimeout: 'unlimited' }, { socketTimeout: 0 }]) {
    it(`${JSON.stringify(more)} does not end the wait at once`, async () => {
      remote.answer(async ({ response }) => {
        await new Promise(setImmediate)
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(token))
      })
      assert.equal((await fetcher({ connectionTimeout: '5s', socketTimeout: '5s', ...more })()).value, 'abc')
    })
  }
})
