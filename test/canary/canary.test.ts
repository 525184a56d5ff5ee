import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { main } from '../../lib/cli/cli.ts'
import type { JsonObject } from '../../lib/contract.ts'
import { type Behaviour, reply, unauthorized } from '../helpers/behaviours.ts'
import { garbage, resetBeforeHeaders, resetMidBody, silence } from '../helpers/faults.ts'
import { writeAtomically } from '../helpers/files.ts'
import type { CallResponse } from '../helpers/http.ts'
import { rawExchange } from '../helpers/raw.ts'
import { loginPage, oauthError } from '../helpers/token-server.ts'
import { until } from '../helpers/until.ts'
import { inClear, misplaced, references } from './configuration.ts'
import { callerHeaders, filesOf, honest, instancesOf, type Scenery, startScenery } from './scenario.ts'
import { startApplication, startGateway, type TalkativeHost } from './start-host.ts'

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE']
const BY_REFERENCE = ['by-value', 'by-purpose', 'encrypted', 'proxy-by-value']
const GOOD = ['basic', 'bearer-basic', 'bearer-post', 'proxied', ...BY_REFERENCE]
const FAILURES: Behaviour[] = [
  unauthorized(),
  reply({ status: 500, body: '<html>' }),
  resetBeforeHeaders(),
  resetMidBody(),
  garbage(),
  silence(),
]

const HOSTS: [title: string, start: (scenery: Scenery) => Promise<TalkativeHost>][] = [
  ['a plain application', async (scenery) => startApplication(instancesOf(scenery), await filesOf(scenery))],
  [
    'the reference gateway',
    async (scenery) => startGateway(instancesOf(scenery), scenery.canaries.callerPassword, await filesOf(scenery)),
  ],
]

describe('S1 no secret leaves, whatever happens', () => {
  for (const [title, start] of HOSTS) {
    it(`of ${title} with DEBUG=* and log level trace`, async () => {
      const scenery = await startScenery()
      const host = await start(scenery)
      const scene = new Scene(scenery, host)
      await scene.goodTimes()
      await scene.badRemote()
      await scene.badTokens()
      await scene.badCallers()
      await scene.everyInstance()
      await scene.edits()
      await scene.configuration()
      await host.process.kill('SIGTERM')
      scene.assertThatItHappened()
      assert.deepEqual(scenery.canaries.foundIn(withoutExpress(host.output)), [])
    })
  }

  it('and if one did, it would be found', async () => {
    const { canaries } = await startScenery()
    canaries.tokens.add('a-token')
    const leaks = [
      `password=${encodeURIComponent(canaries.password)}`,
      JSON.stringify({ clientSecret: canaries.clientSecret }),
      `Proxy-Authorization: Basic ${btoa(`proxy-user:${canaries.proxyPassword}`)}`,
      `x-openidm-password: ${canaries.callerPassword}`,
      `${canaries.callerCookie} ${canaries.remoteCookie} ?x=${canaries.queryValue} a-token`,
    ]
    assert.equal(canaries.foundIn(leaks.join()).length, 8)
  })
})

/** Who has Express of the gateway write to DEBUG asks for the addresses of requests: they are what it writes. */
const withoutExpress = (output: string): string =>
  output.replaceAll(/^\S+Z (router|express:\S+|finalhandler) .*$/gm, '')

/** The acts of the play. */
class Scene {
  readonly #scenery: Scenery
  readonly #host: TalkativeHost

  constructor(scenery: Scenery, host: TalkativeHost) {
    this.#scenery = scenery
    this.#host = host
  }

  async goodTimes(): Promise<void> {
    this.#scenery.remote.answer(honest(this.#scenery))
    await this.#allGood()
    await this.#call('inspect')
  }

  async badRemote(): Promise<void> {
    const { remote, tokens } = this.#scenery
    for (const behaviour of FAILURES) {
      remote.answer(behaviour)
      await this.#callAll(GOOD.map((name) => `external/idm/${name}/managed/user`))
      await this.#call('external/idm/basic/managed/user', 'POST', { body: '{"a":' })
    }
    tokens.store.revoke()
    remote.answer(honest(this.#scenery))
    await this.#allGood()
  }

  async badTokens(): Promise<void> {
    const { tokens } = this.#scenery
    for (const behaviour of [oauthError(401, 'invalid_client'), loginPage()]) {
      tokens.answer(behaviour)
      tokens.store.revoke()
      await this.#callAll(GOOD.map((name) => `external/idm/${name}/managed/user`))
    }
    tokens.answer(tokens.honest)
  }

  async badCallers(): Promise<void> {
    const paths = ['basic/../x', 'basic/%00', 'basic//x', 'basic/%zz', 'nobody/x', 'basic', '', 'config/x']
    for (const method of METHODS)
      await this.#callAll(
        paths.map((path) => `external/idm/${path}`),
        method,
      )
    const { callerPassword, callerCookie, queryValue } = this.#scenery.canaries
    const secrets = `Cookie: a=${callerCookie}\r\nX-OpenIDM-Password: ${callerPassword}\r\n`
    for (const line of [
      'Content-Length: x\r\n',
      'Upgrade: websocket\r\nConnection: upgrade, close\r\n',
      'no header\r\n',
    ])
      await rawExchange(
        this.#host.port,
        `GET /openidm/external/idm/basic/x?_secret=${queryValue} HTTP/1.1\r\nHost: x\r\n${secrets}${line}\r\n`,
        { untilClose: true },
      ).catch(() => undefined)
    const json = { password: callerPassword }
    for (const body of [JSON.stringify(json), `{"__proto__":"${queryValue}"}`, `{"a": ${queryValue}`])
      await this.#call('external/idm/basic?_action=test', 'POST', { body })
  }

  async everyInstance(): Promise<void> {
    await this.#call('external/idm?_queryFilter=true')
    await this.#call('external/idm?_queryFilter=true&_fields=*&_prettyPrint=true')
    await this.#call('config')
    await this.#call('config?_queryFilter=true')
    const names = Object.keys(instancesOf(this.#scenery))
    await this.#callAll(names.flatMap((name) => [`external/idm/${name}/managed/user`, `config/external.idm/${name}`]))
    await this.#callAll(
      names.map((name) => `external/idm/${name}?_action=test`),
      'POST',
    )
  }

  /** Files change, over REST too, and are broken, and go. */
  async edits(): Promise<void> {
    const { password } = this.#scenery.canaries
    const { basic } = instancesOf(this.#scenery) as { basic: object }
    for (const content of [
      { ...basic, authType: password },
      { ...basic, enabled: password },
    ])
      await this.#call('config/external.idm/new', 'PUT', { json: content })
    await this.#call('config/external.idm/new', 'PUT', { json: basic })
    const text = JSON.stringify(basic, null, 2)
    for (const [index, content] of [text.replace(',', ''), `${text}}`, text.replace(/"\n/, '\n')].entries()) {
      await writeAtomically(this.#host.confFile('basic'), content)
      await this.#told(/external\.idm-basic\.json: line \d+/g, index + 1)
    }
    const resolver = join(this.#host.directory, 'resolver', 'canary.json')
    await writeAtomically(resolver, `{"canary":{"value":"${this.#scenery.canaries.valuePassword}`)
    await this.#told(/resolver\/canary\.json/g, 1)
    await rm(this.#host.confFile('basic'))
    await this.#told(/"basic\\" is removed/g, 1)
    await writeAtomically(join(this.#host.directory, 'security', 'truststore.pem'), password)
    await this.#call('external/idm?_queryFilter=true')
    await this.#call('inspect')
  }

  /** Every kind of secret, at every kind of place that shows or opens it; exported, moved about and imported. */
  async configuration(): Promise<void> {
    const { canaries } = this.#scenery
    const { basic, encrypted } = instancesOf(this.#scenery) as Record<'basic' | 'encrypted', JsonObject>
    const put = (id: string, json: unknown) => this.#call(`config/${id}`, 'PUT', { json })
    for (const [id, content] of inClear(canaries)) await put(id, content)
    await put('external.idm/shown', basic)
    for (const value of references(encrypted.password ?? null))
      for (const [id, content] of misplaced(basic, value)) {
        await put(id, content)
        await this.#call(`config/${id}`)
        await writeAtomically(join(this.#host.directory, 'conf', `${id.replace('/', '-')}.json`), content)
        await this.#call('external/idm/new?_action=test', 'POST')
        await this.#call('external/idm/new/x')
      }
    await this.#call('external/idm?_queryFilter=true')
    await this.#call('config')
    // A plain application has no resource `config`.
    const { status, text = '' } = await this.#answer('config?_queryFilter=true')
    const { result } = (status === 200 ? JSON.parse(text) : { result: [] }) as { result: JsonObject[] }
    const shown = result.find(({ _id }) => _id === 'external.idm/shown')?.password
    for (const [id, content] of shown === undefined ? [] : misplaced(basic, shown)) await put(id, content)
    for (const { _id, ...content } of result) {
      await this.#call(`config/${_id}`, 'DELETE')
      await put(String(_id), content)
      await this.#call(`config/${_id}`, 'PATCH', { json: [{ operation: 'add', field: '/x', value: 1 }] })
      await this.#call(`config/${_id}`, 'PATCH', {
        json: [{ operation: 'replace', field: '/instanceUrl', value: 'x:' }],
      })
    }
    const write = (text: string) => this.#host.heard(text)
    const env = { LOG_LEVEL: 'trace' }
    const io = { stdin: process.stdin, stdout: { write }, stderr: { write }, env, cwd: this.#host.directory }
    await main(['check', '--conf', 'conf'], io)
  }

  assertThatItHappened(): void {
    const { canaries, remote, tokens } = this.#scenery
    const { output } = this.#host
    assert.match(output, /canary DEBUG is in force|router:layer new/)
    assert.ok(canaries.tokens.size >= 4, 'tokens were used')
    const sent = [...remote.requests, ...tokens.requests].map(({ url, text, rawHeaders }) => [url, text, ...rawHeaders])
    assert.deepEqual(canaries.foundIn(JSON.stringify(sent)).sort(), [
      'access token',
      'client secret',
      'encrypted password',
      'password by a purpose',
      'password by an expression',
      'password of the instance',
      'value in the query',
    ])
  }

  async #allGood(): Promise<void> {
    const statuses = await this.#callAll(GOOD.map((name) => `external/idm/${name}/managed/user`))
    assert.deepEqual(new Set(statuses), new Set([200]))
  }

  #callAll(paths: readonly string[], method = 'GET'): Promise<(number | undefined)[]> {
    return Promise.all(paths.map((path) => this.#call(path, method)))
  }

  async #told(words: RegExp, times: number): Promise<void> {
    await until(() => [...this.#host.process.output.matchAll(words)].length >= times, `${words} is told ${times} times`)
  }

  /** A caller sends its own secrets with each request, one of them in the query. */
  async #call(path: string, method = 'GET', more: object = {}): Promise<number | undefined> {
    return (await this.#answer(path, method, more)).status
  }

  async #answer(path: string, method = 'GET', more: object = {}): Promise<Partial<CallResponse>> {
    const { canaries } = this.#scenery
    const address = `${path}${path.includes('?') ? '&' : '?'}_secret=${canaries.queryValue}`
    const headers = { ...callerHeaders(canaries), 'content-type': 'application/json' }
    try {
      return await this.#host.call(address, { method, headers, ...more })
    } catch {
      return {}
    }
  }
}
