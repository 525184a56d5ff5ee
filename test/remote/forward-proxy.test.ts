import assert from 'node:assert/strict'
import type { LookupFunction } from 'node:net'
import { guarded, reply } from '../helpers/behaviours.ts'
import { testPki } from '../helpers/pki.ts'
import { type Remote, startRemote } from '../helpers/remote.ts'
import { startTokenServer } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { basicOf, bearerOf, type MountedIdm, startIdm, startTlsRemote } from '../proxy/mounted.ts'
import { startForwardProxy } from './forward-proxy-server.ts'

const USER = 'pröxy:user'
const PASSWORD = 'ca:+/@%nary'
const AUTHORIZATION = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`
const UNREACHABLE = 'the forward proxy can not be reached, or refused the connection'
const REFUSED = 'the forward proxy refused the credentials; check userName and password of proxy, or HTTPS_PROXY'

const credentials = { userName: USER, password: PASSWORD }
/** Names that only the forward proxy can resolve. */
const lookup: LookupFunction = (name, _options, callback) =>
  callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }), [])
const inside = { lookup }

/** Both ways to a remote: a proxied request, and the query of the check, which comes from inside. */
async function bothWays(idm: MountedIdm): Promise<void> {
  const answer = await idm.call('eu/managed/user?_fields=a%20b', { method: 'POST', json: { a: 1 } })
  assert.equal(answer.status, 200, answer.text)
  const { json } = await idm.call('eu?_action=test', { method: 'POST' })
  const { steps } = json as { steps: { step: string; ok: boolean }[] }
  assert.deepEqual(steps.at(-1), { step: 'query', ok: true, message: 'a query on managed/user was answered' })
}

describe('a forward proxy', () => {
  it('is asked for a tunnel to an https remote, with the name that only it can resolve', async () => {
    const proxy = await startForwardProxy()
    proxy.authorization = AUTHORIZATION
    const remote = await startTlsRemote({ behaviour: reply({ body: {} }) })
    const idm = await startIdm({ eu: basicOf(remote, { proxy: { proxyUri: proxy.uri, ...credentials } }) }, inside)
    await bothWays(idm)
    assert.deepEqual(new Set(proxy.asked), new Set([`CONNECT idm.example.com:${remote.port}`]))
    assertUntouched(remote, `idm.example.com:${remote.port}`)
  })

  it('is asked for the address of an http remote', async () => {
    const proxy = await startForwardProxy()
    proxy.authorization = AUTHORIZATION
    const remote = await startRemote({ behaviour: reply({ body: {} }), hostName: 'idm.example.com' })
    const idm = await startIdm({ eu: basicOf(remote, { proxy: { proxyUri: proxy.uri, ...credentials } }) }, inside)
    await bothWays(idm)
    assert.equal(proxy.asked[0], `POST ${remote.url}managed/user?_fields=a%20b`)
    assertUntouched(remote, `idm.example.com:${remote.port}`)
  })

  it('is asked for the token endpoint, too', async () => {
    const proxy = await startForwardProxy()
    const tokens = await startTokenServer()
    const remote = await startTlsRemote({ behaviour: guarded(tokens.accepts, reply({ body: {} })) })
    const idm = await startIdm({ eu: bearerOf(remote, tokens, { proxy: { proxyUri: proxy.uri } }) }, inside)
    await bothWays(idm)
    assert.equal(proxy.asked[0], `CONNECT am.example.com:${tokens.remote.port}`)
    assert.equal(tokens.requests.length, 1)
    assert.equal(tokens.requests[0]?.headers['proxy-authorization'], undefined)
  })

  it('does not see inside: the certificate of the remote is checked as ever', async () => {
    const proxy = await startForwardProxy()
    const remote = await startTlsRemote({ tls: await (await testPki()).expired('idm.example.com') })
    const idm = await startIdm({ eu: basicOf(remote, { proxy: { proxyUri: proxy.uri } }) }, inside)
    const { status, json } = await idm.call('eu/x')
    assert.deepEqual([status, (json as Error).message], [502, 'Remote instance "eu": its certificate has expired'])
    assert.equal(remote.requests.length, 0)
  })

  it('goes before the variables of the environment', async () => {
    const remote = await startTlsRemote()
    const elsewhere = await startForwardProxy()
    const before = { ...process.env }
    Object.assign(process.env, { HTTPS_PROXY: elsewhere.uri, https_proxy: elsewhere.uri, NO_PROXY: '*' })
    try {
      const proxy = await startForwardProxy()
      const idm = await startIdm({ eu: basicOf(remote, { proxy: { proxyUri: proxy.uri } }), direct: basicOf(remote) })
      assert.equal((await idm.call('eu/x')).status, 200)
      assert.equal((await idm.call('direct/x')).status, 200)
      assert.deepEqual([proxy.asked.length, elsewhere.asked.length], [1, 0])
    } finally {
      process.env = before
    }
  })

  const REFUSALS: [title: string, fault: string, proxyOf: () => Promise<object>][] = [
    [
      'wants other credentials',
      REFUSED,
      async () => {
        const proxy = await startForwardProxy()
        proxy.authorization = AUTHORIZATION
        return { proxyUri: proxy.uri, userName: USER, password: `${PASSWORD}!` }
      },
    ],
    [
      'is not there',
      UNREACHABLE,
      async () => {
        const proxy = await startForwardProxy()
        const { uri } = proxy
        proxy.close()
        return { proxyUri: uri, ...credentials }
      },
    ],
    ['has no address', UNREACHABLE, async () => ({ proxyUri: 'http://nowhere.invalid:3128', ...credentials })],
  ]
  for (const [title, fault, proxyOf] of REFUSALS) {
    for (const scheme of ['https', 'http']) {
      it(`that ${title} is named as the culprit, and nothing goes past it: ${scheme}`, async () => {
        const remote = scheme === 'https' ? await startTlsRemote() : await startRemote()
        const idm = await startIdm({ eu: basicOf(remote, { proxy: await proxyOf() }) })
        const answer = await idm.call('eu/x')
        assert.deepEqual([answer.status, (answer.json as Error).message], [502, `Remote instance "eu": ${fault}`])
        const check = await idm.call('eu?_action=test', { method: 'POST' })
        assert.ok(check.text.includes(fault), check.text)
        assert.equal(remote.connections, 0)
        assert.ok(!`${answer.text}${check.text}${idm.log.text}`.includes('nary'))
      })
    }
  }

  it('that does not answer is given up on in time', async () => {
    const proxy = await startForwardProxy()
    proxy.mute = true
    const remote = await startTlsRemote()
    const content = basicOf(remote, { proxy: { proxyUri: proxy.uri }, connectionTimeout: '100 ms' })
    const idm = await startIdm({ eu: content })
    const { status, json } = await idm.call('eu/x')
    assert.deepEqual([status, (json as Error).message], [504, 'Remote instance "eu": connecting to it took too long'])
  })

  it('keeps no connection when the instance is gone', async () => {
    const proxy = await startForwardProxy()
    const remote = await startTlsRemote({ behaviour: reply({ body: {} }) })
    const idm = await startIdm({ eu: basicOf(remote, { proxy: { proxyUri: proxy.uri } }) })
    await bothWays(idm)
    await idm.close()
    await until(() => proxy.openConnections === 0)
  })
})

/** The remote sees what it would see without a proxy: nothing for the proxy, and its own name. */
function assertUntouched(remote: Remote, host: string): void {
  assert.ok(remote.requests.length >= 2)
  for (const { headers } of remote.requests) {
    assert.equal(headers.host, host)
    assert.equal(headers['proxy-authorization'], undefined)
    assert.equal(headers.authorization, `Basic ${btoa('svc:pw')}`)
  }
}
