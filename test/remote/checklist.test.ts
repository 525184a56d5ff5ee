import assert from 'node:assert/strict'
import { byPath, guarded, redirect, reply } from '../helpers/behaviours.ts'
import { testPki } from '../helpers/pki.ts'
import { startRemote } from '../helpers/remote.ts'
import { startTokenServer } from '../helpers/token-server.ts'
import { basicOf, bearerOf, startIdm, startTlsRemote } from '../proxy/mounted.ts'
import { FAILURES, lookup } from '../security/failures.ts'

interface Step {
  readonly step: string
  readonly ok: boolean | null
  readonly message: string
  readonly cure?: string
}

const STEPS = ['configuration', 'nameResolution', 'connection', 'certificate', 'token', 'query']

async function check(content: unknown): Promise<Step[]> {
  const idm = await startIdm({ eu: content }, { lookup })
  const { status, json } = await idm.call('eu?_action=test', { method: 'POST' })
  const { _id, ok, steps } = json as { _id: string; ok: boolean; steps: Step[] }
  assert.deepEqual([status, _id], [200, 'eu'])
  assert.equal(ok, !steps.some((step) => step.ok === false))
  return steps
}

const arranged = async (title: string): Promise<object> =>
  (FAILURES.find((failure) => failure.title === title) ?? assert.fail(title)).arrange()

const answering = (status: number) => async () => basicOf(await startTlsRemote({ behaviour: reply({ status }) }))
const bearerAnswering = (status: number) => async () =>
  bearerOf(await startTlsRemote({ behaviour: reply({ status }) }), await startTokenServer())

const TOKEN = 'Token endpoint of remote instance "eu": '
const LOG = 'see the log of the remote, and check instanceUrl'
const PORT = 'check host and port in instanceUrl, that the remote runs, and the firewalls in between'
const TLS = 'check that instanceUrl names a port at which the remote speaks TLS, and tlsVersion'
const REFUSED =
  'the OAuth 2.0 client must exist at the remote with this secret, the scope, the grant client_credentials and the ' +
  'same authentication method'

/** What is arranged, the step that fails, its message and its cure. */
const TABLE: [
  title: string,
  arrange: () => Promise<unknown>,
  step: string,
  message: string | RegExp,
  cure: string | RegExp,
][] = [
  [
    'it is disabled',
    async () => basicOf({ url: 'https://x/' }, { enabled: false }),
    'configuration',
    'it is disabled',
    'set "enabled" to true',
  ],
  [
    'the file has a fault',
    async () => ({ authType: 'x' }),
    'configuration',
    /^external\.idm-eu\.json: authType: must be /,
    'correct the file; it is reloaded when it is saved',
  ],
  [
    'the name does not resolve',
    () => arranged('the name does not resolve'),
    'nameResolution',
    'its host name does not resolve',
    'check the host name in instanceUrl, and the DNS of this machine',
  ],
  ['nobody listens', () => arranged('nobody listens'), 'connection', 'it refused the connection', PORT],
  [
    'the authority is unknown',
    () => arranged('the authority of the certificate is unknown'),
    'certificate',
    /^the authority "CN=Unknown authority" is not trusted, .* It sent: "CN=idm\.example\.com" issued by "CN=Unknown authority", .*SHA-256 [0-9A-F:]{95}$/,
    /keytool -import -alias unknown-authority -keystore \S+\/security\/truststore -file unknown-authority\.pem/,
  ],
  [
    'the certificate has expired',
    () => arranged('the certificate has expired'),
    'certificate',
    /^a certificate of the remote has expired: "CN=idm\.example\.com"/,
    /^have it renewed on the remote/,
  ],
  [
    'the certificate is not valid yet',
    () => arranged('the certificate is not valid yet'),
    'certificate',
    /^a certificate of the remote is not valid yet: "CN=idm\.example\.com"/,
    /^check the clock of this machine/,
  ],
  [
    'the certificate is for another host',
    () => arranged('the certificate is for another host'),
    'certificate',
    'the certificate of the remote was issued for another name: DNS:wrong-host.example.org',
    /^use one of these names in instanceUrl/,
  ],
  [
    'the remote does not speak TLS',
    () => arranged('the remote does not speak TLS'),
    'certificate',
    'the TLS handshake failed',
    TLS,
  ],
  [
    'the handshake never ends',
    () => arranged('the handshake never ends'),
    'certificate',
    'connecting to it took too long',
    TLS,
  ],
  [
    'the client is refused',
    () => arranged('the token endpoint refuses the client'),
    'token',
    /^Token endpoint of remote instance "eu": it refused the client \(400, invalid_grant\); /,
    REFUSED,
  ],
  [
    'nobody listens at the token endpoint',
    () => arranged('nobody listens at the token endpoint'),
    'token',
    `${TOKEN}it refused the connection`,
    'check tokenEndpoint, and that its certificate is trusted',
  ],
  [
    'basic: 401',
    answering(401),
    'query',
    'a query on managed/user was answered with 401',
    'check userName and password',
  ],
  [
    'basic: 403',
    answering(403),
    'query',
    'a query on managed/user was answered with 403',
    'give the remote user a role that may read',
  ],
  [
    'bearer: 401',
    bearerAnswering(401),
    'query',
    'a query on managed/user was answered with 401',
    'the remote must know the client: check its rsFilter',
  ],
  [
    'bearer: 403',
    bearerAnswering(403),
    'query',
    'a query on managed/user was answered with 403',
    'the remote needs a staticUserMapping whose subject is the clientId, with a role that may read',
  ],
  [
    'bearer: 403 without a scope',
    async () =>
      bearerOf(await startTlsRemote({ behaviour: reply({ status: 403 }) }), await startTokenServer(), { scope: [] }),
    'query',
    'a query on managed/user was answered with 403',
    /with a role that may read; scope is empty: if the remote demands a scope, such as "fr:idm:\*", add it to "scope"$/,
  ],
  [
    '404',
    answering(404),
    'query',
    'a query on managed/user and on managed/alpha_user was answered with 404',
    'check the path in instanceUrl: it usually ends in /openidm/',
  ],
  ['500', answering(500), 'query', 'a query on managed/user was answered with 500', 'see the log of the remote'],
  [
    'a redirection',
    async () => basicOf(await startTlsRemote({ behaviour: redirect('/login') })),
    'query',
    'a query on managed/user was answered with 302',
    'check instanceUrl: what is there leads elsewhere',
  ],
  [
    'the connection is reset',
    () => arranged('the connection is reset'),
    'query',
    'Remote instance "eu": it closed the connection before the response was complete',
    LOG,
  ],
  [
    'http on a TLS port',
    () => arranged('the remote speaks TLS, and its URL says http'),
    'query',
    'Remote instance "eu": it speaks TLS on this port; use https:// in its URL',
    LOG,
  ],
  [
    'no HTTP',
    () => arranged('the remote speaks another protocol'),
    'query',
    'Remote instance "eu": what it sent is no HTTP response',
    LOG,
  ],
]

const matches = (text: string, expected: string | RegExp): void =>
  typeof expected === 'string' ? assert.equal(text, expected) : assert.match(text, expected)

describe('the checklist', () => {
  for (const [title, arrange, step, message, cure] of TABLE) {
    it(`stops at ${step}: ${title}`, async () => {
      const steps = await check(await arrange())
      assert.deepEqual(
        steps.map((row) => row.step),
        STEPS.slice(0, STEPS.indexOf(step) + 1),
      )
      const last = steps.at(-1)
      assert.equal(last?.ok, false)
      matches(last.message, message)
      matches(last.cure ?? '', cure)
      assert.ok(steps.slice(0, -1).every((row) => row.ok !== false && row.cure === undefined))
    })
  }

  it('all is well: basic, https', async () => {
    const remote = await startTlsRemote({ behaviour: reply({ body: { result: [] } }) })
    assert.deepEqual(await check(basicOf(remote)), [
      { step: 'configuration', ok: true, message: `authType basic, ${remote.url}` },
      { step: 'nameResolution', ok: true, message: 'idm.example.com resolves' },
      { step: 'connection', ok: true, message: `port ${remote.port} accepts connections` },
      { step: 'certificate', ok: true, message: 'its certificate is trusted' },
      { step: 'token', ok: null, message: 'authType basic needs no token' },
      { step: 'query', ok: true, message: 'a query on managed/user was answered' },
    ])
    assert.equal(remote.last.url, '/openidm/managed/user?_queryFilter=true&_pageSize=1')
  })

  it('all is well: bearer, http, a tenant of the cloud', async () => {
    const tokens = await startTokenServer()
    const users = byPath({ 'GET /openidm/managed/alpha_user': reply({ body: { result: [] } }) })
    const remote = await startRemote({ behaviour: guarded(tokens.accepts, users) })
    const steps = await check(bearerOf(remote, tokens))
    assert.deepEqual(steps.slice(3), [
      { step: 'certificate', ok: null, message: 'instanceUrl is http: there is nothing to trust' },
      { step: 'token', ok: true, message: 'the token endpoint granted a token' },
      { step: 'query', ok: true, message: 'a query on managed/alpha_user was answered' },
    ])
  })

  it('a certificate that is not looked at is not faulted', async () => {
    const remote = await startTlsRemote({ tls: await (await testPki()).expired('idm.example.com') })
    const steps = await check(basicOf(remote, { dangerouslySkipTlsVerify: true }))
    assert.ok(steps.every(({ ok }) => ok !== false))
  })

  it('answers only the action test, and only for an instance that is there', async () => {
    const idm = await startIdm({ eu: basicOf(await startTlsRemote()) })
    const call = async (path: string) => (await idm.call(path, { method: 'POST' })).status
    assert.equal(await call('eu?_action=other'), 404)
    assert.equal(await call('no?_action=test'), 404)
    assert.equal(await call('?_action=test'), 501)
    assert.equal((await idm.call('eu?_action=test')).status, 404)
  })
})
