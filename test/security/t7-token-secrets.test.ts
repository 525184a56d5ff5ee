import assert from 'node:assert/strict'
import { startApplication, writings } from '../canary/start-host.ts'
import { type Behaviour, guarded, reply } from '../helpers/behaviours.ts'
import { garbage, resetAfterHeaders, resetBeforeHeaders } from '../helpers/faults.ts'
import { writeAtomically } from '../helpers/files.ts'
import { loginPage, oauthError, startTokenServer, type TokenClient } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { basicOf, bearerOf, startIdm, startTlsRemote } from '../proxy/mounted.ts'

const SECRET = 'canary:+/@% "of" a secret'
const BASIC: TokenClient = { id: 'client-basic', secret: SECRET, method: 'client_secret_basic' }
const POST: TokenClient = { id: 'client-post', secret: SECRET, method: 'client_secret_post' }

/** Repeats the request that it gets, as some servers do when they fail. */
const repeating =
  (status: number): Behaviour =>
  async (exchange) => {
    await exchange.request.received
    const { text, headers } = exchange.request
    const body = { error: 'invalid_client', error_description: text, authorization: headers.authorization }
    await reply({ status, body, headers: { 'x-request': `${headers.authorization}` } })(exchange)
  }

const FAILURES: [title: string, behaviour: Behaviour][] = [
  ['401', oauthError(401, 'invalid_client')],
  ['401 that repeats the request', repeating(401)],
  ['406', oauthError(406, 'invalid_client')],
  ['500 that repeats the request', repeating(500)],
  ['a page', loginPage()],
  ['200 that repeats the request', repeating(200)],
  ['a reset', resetBeforeHeaders()],
  ['a reset behind the headers', resetAfterHeaders()],
  ['no HTTP', garbage()],
]

const assertSilent = (output: string, ...ids: string[]): void => {
  for (const writing of writings(SECRET, ...ids)) assert.ok(!output.includes(writing), `${writing} in\n${output}`)
}

describe('T7 the client secret stays inside', () => {
  it('a secret that is not printable ASCII is refused before it gets to the library, without being shown', async () => {
    const tokens = await startTokenServer()
    const remote = await startTlsRemote()
    for (const secret of [`${SECRET}é`, `${SECRET}\n`, `${SECRET}\u0000`, `\u{1f511}${SECRET}`]) {
      const idm = await startIdm({ eu: bearerOf(remote, tokens, {}, { id: 'i', secret }) })
      assert.equal(idm.status('eu')?.state, 'INVALID')
      const { lastError } = idm.status('eu') ?? {}
      assert.match(lastError?.message ?? '', /clientSecret: must be printable ASCII/)
      const answers = [await idm.call('eu/x'), await idm.call('?_queryFilter=true')]
      answers.push(await idm.call('eu?_action=test', { method: 'POST' }))
      assertSilent([idm.log.text, ...answers.map(({ text }) => text)].join())
    }
    assert.equal(tokens.requests.length, 0)
  })

  for (const [title, behaviour] of FAILURES) {
    it(`nobody sees it when the token endpoint answers with ${title}`, async () => {
      const tokens = await startTokenServer({ clients: [BASIC, POST] })
      tokens.answer(behaviour)
      const remote = await startTlsRemote()
      const idm = await startIdm({
        basic: bearerOf(remote, tokens, {}, BASIC),
        post: bearerOf(remote, tokens, {}, POST),
      })
      const seen: string[] = []
      for (const name of ['basic', 'post']) {
        const answers = [await idm.call(`${name}/x`), await idm.call(`${name}?_action=test`, { method: 'POST' })]
        seen.push(...answers.map(({ text, rawHeaders }) => text + rawHeaders))
        assert.ok(idm.status(name)?.lastError, 'the failure is told in the status')
      }
      seen.push((await idm.call('?_queryFilter=true')).text, idm.log.text)
      assert.ok(idm.log.messages('warn').length > 0, 'and in the log')
      assertSilent(seen.join('\n'), BASIC.id, POST.id)
      assert.equal(remote.requests.length, 0)
    })
  }

  it('DEBUG=* and log level trace do not bring it out, in good times and in bad', async () => {
    const tokens = await startTokenServer({ clients: [BASIC, POST] })
    const remote = await startTlsRemote({ behaviour: guarded(tokens.accepts, reply({ body: {} })) })
    const good = { basic: bearerOf(remote, tokens, {}, BASIC), post: bearerOf(remote, tokens, {}, POST) }
    // One for each failure, since an endpoint that failed is left alone for a second.
    const failing = Object.fromEntries(
      FAILURES.flatMap((_, index) => [
        [`basic${index}`, good.basic],
        [`post${index}`, good.post],
      ]),
    )
    const host = await startApplication({ ...good, ...failing, other: basicOf(remote) })
    for (const name of Object.keys(good)) assert.equal((await host.call(`external/idm/${name}/x`)).status, 200)
    for (const [index, [, behaviour]] of FAILURES.entries()) {
      tokens.answer(behaviour)
      for (const name of [`basic${index}`, `post${index}`])
        assert.ok((await host.call(`external/idm/${name}/x`)).status >= 400)
    }
    const broken = { ...good.post, clientSecret: `${SECRET}é` }
    await writeAtomically(host.confFile('post'), broken)
    await until(() => host.process.output.includes('must be printable ASCII'))
    await host.call('inspect')
    await host.process.kill('SIGTERM')
    assert.match(host.process.stderr, /canary DEBUG is in force/)
    assert.match(host.process.stdout, /"level":40/, 'failures are logged')
    assertSilent(host.output, BASIC.id, POST.id)
    assert.equal(remote.requests.length, 2)
    for (const { headers } of remote.requests) assert.ok(!host.output.includes(`${headers.authorization?.slice(7)}`))
  })
})
