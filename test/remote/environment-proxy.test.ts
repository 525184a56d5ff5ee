import assert from 'node:assert/strict'
import type { JsonObject } from '../../lib/contract.ts'
import { withEnvironmentProxy } from '../../lib/core/http/environment-proxy.ts'
import { type InstanceProperties, judgeProperties } from '../../lib/remote/properties/properties.ts'
import { guarded, reply } from '../helpers/behaviours.ts'
import { testPki } from '../helpers/pki.ts'
import { startRemote } from '../helpers/remote.ts'
import { startTokenServer } from '../helpers/token-server.ts'
import { basicOf, bearerOf, startIdm, startTlsRemote } from '../proxy/mounted.ts'
import { startForwardProxy } from './forward-proxy-server.ts'

type Environment = Record<string, string>

function propertiesOf(more: object = {}): InstanceProperties {
  const judgement = judgeProperties(basicOf({ url: 'https://idm.example.com/openidm/' }, more) as JsonObject)
  assert.ok('properties' in judgement)
  return judgement.properties
}

const proxyFor = (target: string, env: Environment, more: object = {}) =>
  withEnvironmentProxy(propertiesOf(more), new URL(target), env).proxy

const PROXY = 'http://proxy.example.com:3128'
const BOTH = { HTTPS_PROXY: PROXY, HTTP_PROXY: 'http://plain.example.com:80' }
const IDM = 'https://idm.example.com:8443/openidm/'

describe('forward proxies of the environment', () => {
  const TARGETS: [title: string, target: string, env: Environment, proxyUri: string | undefined][] = [
    ['HTTPS_PROXY for https', IDM, BOTH, PROXY],
    ['HTTP_PROXY for http', 'http://idm.example.com/', BOTH, 'http://plain.example.com'],
    ['nothing for http without HTTP_PROXY', 'http://idm.example.com/', { HTTPS_PROXY: PROXY }, undefined],
    ['lower case first', IDM, { ...BOTH, https_proxy: 'https://lower.example.com' }, 'https://lower.example.com'],
    ['an empty variable turns it off', IDM, { ...BOTH, https_proxy: '' }, undefined],
    ['a name alone is one of http', IDM, { HTTPS_PROXY: 'proxy.example.com:3128' }, PROXY],
    ['loopback is never asked for', 'https://localhost:8443/', BOTH, undefined],
    ['loopback is never asked for', 'https://127.1.2.3/', BOTH, undefined],
    ['loopback is never asked for', 'https://[::1]:8443/', BOTH, undefined],
  ]
  for (const [title, target, env, proxyUri] of TARGETS)
    it(`${title}: ${target}`, () => assert.equal(proxyFor(target, env)?.proxyUri, proxyUri))

  const EXEMPT: [noProxy: string, target: string, exempt: boolean][] = [
    ['*', IDM, true],
    ['idm.example.com', IDM, true],
    ['IDM.example.COM', IDM, true],
    ['example.com', IDM, true],
    ['.example.com', IDM, true],
    ['*.example.com', IDM, true],
    ['*.example.com', 'https://example.com/', false],
    ['other.example, example.com', IDM, true],
    ['other.example example.com', IDM, true],
    ['example.com:8443', IDM, true],
    ['example.com:443', IDM, false],
    ['example.com:443', 'https://example.com/', true],
    ['ample.com', IDM, false],
    ['com.', IDM, false],
    ['10.0.0.5', 'https://10.0.0.5/', true],
    ['10.0.0.0/8', 'https://10.9.9.9/', true],
    ['10.0.0.0/8', 'https://11.0.0.1/', false],
    ['10.0.0.0/99', 'https://10.0.0.1/', false],
    ['fd00::/8', 'https://[fd00::1]:8443/', true],
    ['[fd00::1]', 'https://[fd00::1]:8443/', true],
    ['', IDM, false],
  ]
  for (const [noProxy, target, exempt] of EXEMPT)
    it(`NO_PROXY ${JSON.stringify(noProxy)} ${exempt ? 'covers' : 'leaves'} ${target}`, () => {
      assert.equal(proxyFor(target, { ...BOTH, NO_PROXY: noProxy }) === undefined, exempt)
      assert.equal(proxyFor(target, { ...BOTH, NO_PROXY: '*', no_proxy: noProxy }) === undefined, exempt)
    })

  it('an instance that names its own uses that, whatever the environment says', () => {
    const own = { proxy: { proxyUri: 'http://own.example.com:1' } }
    assert.equal(proxyFor(IDM, { ...BOTH, NO_PROXY: '*' }, own)?.proxyUri, 'http://own.example.com:1')
  })

  it('reads credentials, which do not print', () => {
    const proxy = proxyFor(IDM, { HTTPS_PROXY: 'http://us%40er:ca%3Anary@proxy.example.com:3128' })
    assert.deepEqual([proxy?.proxyUri, proxy?.userName, proxy?.password?.reveal()], [PROXY, 'us@er', 'ca:nary'])
    assert.ok(!JSON.stringify(proxy).includes('nary'))
  })

  for (const value of ['socks5://canary.example.com:1080', 'http://', 'http://canary:99999'])
    it(`refuses ${value}, by the name of the variable alone`, () => {
      const message =
        /^the environment variable HTTPS_PROXY must be the http:\/\/ or https:\/\/ URL of a forward proxy$/
      assert.throws(() => proxyFor(IDM, { HTTPS_PROXY: value }), { message })
    })
})

describe('forward proxies of the environment, in use', () => {
  it('remote and token endpoint each go their own way', async () => {
    const proxy = await startForwardProxy()
    proxy.authorization = `Basic ${btoa('us:canary')}`
    const tokens = await startTokenServer({ tls: false })
    const remote = await startTlsRemote({ behaviour: guarded(tokens.accepts, reply({ body: {} })) })
    const uri = proxy.uri.replace('//', '//us:canary@')
    const instances = { eu: bearerOf(remote, tokens) }
    const both = await startIdm(instances, { env: { HTTPS_PROXY: uri, HTTP_PROXY: uri } })
    assert.equal((await both.call('eu/x')).status, 200)
    assert.deepEqual(proxy.asked, [`POST ${tokens.tokenEndpoint}`, `CONNECT idm.example.com:${remote.port}`])
    assert.equal(remote.last.serverName, 'idm.example.com')
    assert.equal(tokens.requests[0]?.headers['proxy-authorization'], undefined)

    proxy.asked.length = 0
    const env = { HTTPS_PROXY: uri, HTTP_PROXY: uri, NO_PROXY: 'am.example.com' }
    const one = await startIdm(instances, { env })
    assert.equal((await one.call('eu/x')).status, 200)
    assert.deepEqual(proxy.asked, [`CONNECT idm.example.com:${remote.port}`])
    assert.ok(!`${both.log.text}${one.log.text}`.includes('canary'))
  })

  it('a wrong password is a fault of the forward proxy, for the token endpoint as well', async () => {
    const proxy = await startForwardProxy()
    proxy.authorization = 'Basic other'
    const env = { HTTPS_PROXY: proxy.uri.replace('//', '//us:canary@'), HTTP_PROXY: proxy.uri }
    const remote = await startTlsRemote()
    for (const tls of [undefined, false] as const) {
      const tokens = await startTokenServer({ tls })
      const idm = await startIdm({ eu: bearerOf(remote, tokens), basic: basicOf(remote) }, { env })
      const answers = [await idm.call('eu/x'), await idm.call('basic/x')]
      for (const { status, text } of answers) {
        assert.equal(status, 502, text)
        assert.match(text, /emote instance \\"\w+\\": the forward proxy refused the credentials; check/)
      }
      assert.ok(!`${idm.log.text}${answers.map(({ text }) => text)}`.includes('canary'))
    }
    assert.equal(remote.connections, 0)
  })

  it('the name in the TLS handshake is checked through the tunnel', async () => {
    const proxy = await startForwardProxy()
    const wrong = await startTlsRemote({ tls: await (await testPki()).wrongHost() })
    const idm = await startIdm({ eu: basicOf(wrong) }, { env: { HTTPS_PROXY: proxy.uri } })
    assert.match((await idm.call('eu/x')).text, /issued for another host name/)
    assert.equal(wrong.requests.length, 0)
  })

  it('a variable that names no proxy keeps an instance from coming into force, and others not', async () => {
    const [tls, plain] = [await startTlsRemote(), await startRemote()]
    const idm = await startIdm({ tls: basicOf(tls), plain: basicOf(plain) }, { env: { HTTPS_PROXY: 'socks5://x:1' } })
    assert.equal(idm.status('tls')?.state, 'INVALID')
    assert.match(idm.status('tls')?.lastError?.message ?? '', /the environment variable HTTPS_PROXY must be/)
    assert.equal((await idm.call('plain/x')).status, 200)
  })
})
