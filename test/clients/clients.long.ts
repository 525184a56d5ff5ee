import assert from 'node:assert/strict'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { startGateway, type TestGateway } from '../gateway/parts.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { type RawAnswer, rawExchange } from '../helpers/raw.ts'
import { type Remote, startRemote } from '../helpers/remote.ts'
import { basicOf } from '../proxy/mounted.ts'

/** Of the administrator, as each client writes it when it knows the password. */
const SIGNED_IN = `Authorization: Basic ${Buffer.from('openidm-admin:Sesam-öffne:dich').toString('base64')}`

/**
 * The heads of requests as clients write them with their defaults, recorded from Java 17, curl 7.88, wget 1.21, Python's
 * requests 2.34 and httpx 0.28; of Apache HttpClient 5.4, Go and Chromium as documented. `Host` and credentials come
 * with all of them.
 */
const CLIENTS: Readonly<Record<string, readonly string[]>> = {
  'Java HttpClient': [
    'Connection: Upgrade, HTTP2-Settings',
    'HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA',
    'Upgrade: h2c',
    'User-Agent: Java-http-client/17.0.15',
  ],
  'Apache HttpClient': [
    'Accept-Encoding: gzip, x-gzip, deflate',
    'Connection: keep-alive, Upgrade',
    'Upgrade: TLS/1.2',
    'User-Agent: Apache-HttpClient/5.4 (Java/17.0.15)',
  ],
  'curl --http2': [
    'User-Agent: curl/7.88.1',
    'Accept: */*',
    'Connection: Upgrade, HTTP2-Settings',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA',
  ],
  'Python requests': [
    'User-Agent: python-requests/2.34.2',
    'Accept-Encoding: gzip, deflate',
    'Accept: */*',
    'Connection: keep-alive',
  ],
  'Python httpx': [
    'Accept: */*',
    'Accept-Encoding: gzip, deflate',
    'Connection: keep-alive',
    'User-Agent: python-httpx/0.28.1',
  ],
  'Go net/http': ['User-Agent: Go-http-client/1.1', 'Accept-Encoding: gzip'],
  wget: ['User-Agent: Wget/1.21.3', 'Accept: */*', 'Accept-Encoding: identity', 'Connection: Keep-Alive'],
}

const BODY = '{"a":1}'
const JSON_TYPE = 'Content-Type: application/json'
/** How they frame a body: of known length, or not. */
const FRAMINGS: readonly (readonly [title: string, header: string, body: string])[] = [
  ['with a length', `Content-Length: ${BODY.length}`, BODY],
  ['in chunks', 'Transfer-Encoding: chunked', `4\r\n{"a"\r\n3\r\n:1}\r\n0\r\n\r\n`],
]

const EU = '/openidm/external/idm/eu/managed/user'
const PING = '/openidm/info/ping'

describe('clients', () => {
  ownedBySuite()
  let remote: Remote
  let gateway: TestGateway
  before(async () => {
    remote = await startRemote()
    gateway = await startGateway({ conf: { 'external.idm-eu.json': basicOf(remote) }, plugins: [packageRoot] })
  })
  afterEach(() => void remote.requests.splice(0))

  const send = (
    line: string,
    headers: readonly string[],
    body: string | readonly string[] = '',
  ): Promise<RawAnswer> => {
    const head = [`${line} HTTP/1.1`, `Host: 127.0.0.1:${gateway.port}`, ...headers].join('\r\n')
    const [first = '', ...rest] = typeof body === 'string' ? [body] : body
    return rawExchange(gateway.port, [`${head}\r\n\r\n${first}`, ...rest], { methods: [line.split(' ')[0] ?? ''] })
  }

  for (const [client, headers] of Object.entries(CLIENTS)) {
    it(`${client} reads, here and at a remote`, async () => {
      for (const path of [PING, '/openidm/config?_queryFilter=true', `${EU}?_queryFilter=true`]) {
        const { response } = await send(`GET ${path}`, [...headers, SIGNED_IN])
        assert.equal(response.status, 200, `${path} ${response.text}`)
      }
      assert.equal(remote.last.headers.upgrade, undefined)
    })

    for (const [title, framing, body] of FRAMINGS)
      it(`${client} writes, ${title}`, async () => {
        const { response } = await send(`POST ${EU}?_action=create`, [...headers, SIGNED_IN, JSON_TYPE, framing], body)
        assert.equal(response.status, 200, response.text)
        assert.equal(remote.last.text, BODY)
        const script = `{"type":"text/javascript","source":"1+1"}`
        const local = framing.startsWith('Content') ? `Content-Length: ${script.length}` : framing
        const bytes = framing.startsWith('Content') ? script : `${script.length.toString(16)}\r\n${script}\r\n0\r\n\r\n`
        const answer = await send('POST /openidm/script?_action=eval', [...headers, SIGNED_IN, JSON_TYPE, local], bytes)
        assert.deepEqual([answer.response.status, answer.response.text], [200, '2'])
      })

    it(`${client} is told that a password is wanted`, async () => {
      const { response } = await send(`GET ${EU}`, headers)
      assert.equal(response.status, 401)
      assert.equal(response.header('www-authenticate'), 'Basic realm="OpenIDM", charset="UTF-8"')
    })
  }

  for (const header of [
    'X-Requested-With: XMLHttpRequest',
    'Origin: https://app.example.com',
    'Sec-Fetch-Mode: navigate',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
  ])
    it(`a browser gets no prompt, after which foreign pages could use the password: ${header.slice(0, 30)}`, async () => {
      const { response } = await send(`GET ${EU}`, [header])
      assert.deepEqual([response.status, response.header('www-authenticate')], [401, undefined])
    })

  it('no caller is asked for the password of a remote', async () => {
    remote.answer(({ response }) => response.writeHead(401, { 'www-authenticate': 'Basic realm="remote"' }).end())
    const { response } = await send(`GET ${EU}`, [SIGNED_IN])
    assert.deepEqual([response.status, response.header('www-authenticate')], [401, undefined])
    remote.answer(({ response: answer }) => answer.end('{}'))
  })

  it('curl that waits for 100 Continue is told to go on, or refused at once', async () => {
    const expect = ['User-Agent: curl/7.88.1', 'Accept: */*', 'Expect: 100-continue', JSON_TYPE, 'Content-Length: 7']
    const { response } = await send(`POST ${EU}`, [...expect, SIGNED_IN], ['', BODY])
    assert.deepEqual([response.status, response.informational.map(({ status }) => status)], [200, [100]])
    assert.equal(remote.last.text, BODY)
    assert.equal((await send(`POST ${EU}`, expect, ['', BODY])).response.status, 401)
  })

  it('a proxy that sends absolute targets is understood', async () => {
    const { response } = await send(`GET http://127.0.0.1:${gateway.port}${EU}?a=%2F`, [SIGNED_IN])
    assert.equal(response.status, 200)
    assert.equal(remote.last.url, '/openidm/managed/user?a=%2F')
    assert.equal((await send(`GET http://other.example.com${EU}`, [SIGNED_IN])).response.status, 400)
  })

  for (const type of [
    'application/json; charset=UTF8',
    'application/json;charset=us-ascii',
    'application/json;odata=verbose',
    'application/json;',
  ])
    it(`JSON of type ${type} is JSON`, async () => {
      const script = `{"type":"text/javascript","source":"1+1"}`
      const headers = [SIGNED_IN, `Content-Type: ${type}`, `Content-Length: ${script.length}`]
      assert.equal((await send('POST /openidm/script?_action=eval', headers, script)).response.text, '2')
    })
})
