import assert from 'node:assert/strict'
import { inTurn, reply, unauthorized } from '../helpers/behaviours.ts'
import { rawExchange } from '../helpers/raw.ts'
import { basicOf, startIdm, startTlsRemote } from '../proxy/mounted.ts'
import { FAILURES, lookup } from './failures.ts'

/** What only somebody inside the network knows, or a message of Node's tells. */
const INNER = [
  /example\.com/,
  /127\.0\.0\.1/,
  /localhost/,
  /\[?::1/,
  /\/am\//,
  /:\d{4,5}\b/,
  /E[A-Z]{5,}/,
  /\bat \w+ \(/,
]

const requestOf = (method: string, path: string): string =>
  `${method} /openidm/external/idm/${path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`

async function answerTo(port: number, method: string, path: string): Promise<string> {
  const { bytes } = await rawExchange(port, requestOf(method, path), { untilClose: true })
  return bytes.toString('latin1')
}

function assertOutward(answer: string, port: string): void {
  const secrets = port === '' ? INNER : [...INNER, new RegExp(port)]
  for (const secret of secrets) assert.doesNotMatch(answer, secret)
}

const portOf = (content: object): string =>
  Object.values(content).reduce(
    (port: string, value) => (/^https?:/.test(`${value}`) ? new URL(`${value}`).port : port),
    '',
  )

describe('E2 no inner address in an answer', () => {
  for (const { title, arrange, status } of FAILURES) {
    it(`${title}: to nobody who asks, by whatever method`, async () => {
      const content = await arrange()
      const idm = await startIdm({ eu: content }, { lookup })
      for (const method of ['GET', 'POST']) {
        const answer = await answerTo(idm.port, method, 'eu/managed/user?_queryFilter=true')
        assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `))
        assertOutward(answer, portOf(content))
      }
    })
  }

  it('the log has what the caller does not get', async () => {
    const remote = await startTlsRemote()
    const { port } = remote
    const content = basicOf(remote)
    await remote.close()
    const idm = await startIdm({ eu: content })
    await idm.call('eu/x')
    const { details } = idm.log.entries.find(({ level, message }) => level === 'warn' && /refused/.test(message)) ?? {}
    assert.match(JSON.stringify(details), new RegExp(`connect ECONNREFUSED 127\\.0\\.0\\.1:${port}`))
  })

  it('not in what is refused before a remote is asked', async () => {
    const remote = await startTlsRemote()
    const idm = await startIdm({
      eu: basicOf(remote),
      off: basicOf(remote, { enabled: false }),
      bad: { authType: 'x' },
    })
    for (const path of ['eu', 'eu/../x', 'eu/%00', 'eu//x', 'no/x', 'off/x', 'bad/x', 'eu/%zz', 'no?_action=test'])
      assertOutward(await answerTo(idm.port, 'POST', path), String(remote.port))
    assert.equal(remote.requests.length, 0)
  })

  it('not in the headers of a good answer', async () => {
    const remote = await startTlsRemote()
    const { origin } = remote
    const headers = {
      server: 'Jetty (127.0.0.1)',
      via: '1.1 inner.example.com',
      'x-powered-by': 'idm.example.com',
      'x-forwarded-host': 'idm.example.com',
      'www-authenticate': 'Basic realm="idm.example.com"',
      'set-cookie': 'session-jwt=x; Domain=idm.example.com',
      'content-location': `${origin}/openidm/x`,
      refresh: `0; url=${origin}`,
      link: `<${origin}/next>; rel=next`,
      'alt-svc': 'h2="idm.example.com:443"',
    }
    remote.answer(
      inTurn(
        reply({ headers: { ...headers, location: `${origin}/openidm/managed/user/u1` } }),
        reply({ status: 302, headers: { ...headers, location: `${origin}/openidm/console/` } }),
        unauthorized('Basic realm="idm.example.com"'),
      ),
    )
    const idm = await startIdm({ eu: basicOf(remote) })
    const [created, redirected, refused] = [1, 2, 3].map(() => () => answerTo(idm.port, 'GET', 'eu/x'))
    for (const ask of [created, redirected, refused])
      assertOutward((await ask?.()) ?? assert.fail(), String(remote.port))
  })
})
