import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import fc from 'fast-check'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { request } from '../helpers/http.ts'
import { openRaw } from '../helpers/raw.ts'
import { ADMIN, ANONYMOUS, pluginFolder, ROUTERS, startGateway, type TestGateway } from './parts.ts'

const userNamed = (userName: string) => ({ userName, givenName: 'A', sn: 'User', mail: 'user@example.net' })

const rule = (pattern: string, excludePatterns = '') => ({
  pattern,
  roles: 'internal/role/openidm-reg',
  methods: '*',
  actions: '*',
  excludePatterns,
})
const CONF = {
  'access.json': {
    configs: [
      rule('external/*', 'external/config,external/config/*'),
      rule('info/*'),
      { ...rule('*'), roles: 'internal/role/openidm-admin' },
    ],
  },
}

/** Answers with what a reader that resolves everything makes of the path: the worst that a remote may do. */
const CARELESS = `export const activate = (context) => context.registerRouter('/openidm', () => (request, response, next) => {
  if (request.headers['x-reader'] !== 'careless') return next()
  let path = request.url.split('?')[0].replaceAll('\\\\', '/')
  for (let before; before !== path; ) {
    before = path
    path = path.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16))).replaceAll('\\\\', '/')
  }
  const reached = []
  for (const segment of path.split('/').map((text) => text.split(';')[0])) {
    if (segment === '..') reached.pop()
    else if (segment !== '' && segment !== '.') reached.push(segment)
  }
  response.end(JSON.stringify(reached))
})`

/** Mostly as it should be, so that some get through. */
const mostly = (usual: string, ...odd: string[]) =>
  fc.oneof({ arbitrary: fc.constant(usual), weight: 4 }, { arbitrary: fc.constantFrom(...odd), weight: 1 })
const encoded = (word: string) => {
  const hex = word.charCodeAt(0).toString(16)
  return mostly(word, `%${hex}${word.slice(1)}`, `%25${hex}${word.slice(1)}`, `%${hex.toUpperCase()}${word.slice(1)}`)
}
const NOISE = mostly('', '.', '..', '%2e%2e', '%252e%252e', ';x', '%3Bx', '..;', '%2F', '%5c', '%00', '%09', '%')
const SEPARATOR = mostly('/', '//', '%2F', '%252F', '\\', '/./', '/../', ';/', '/%2e%2e%2F')
const BASES = [
  'external/x',
  'external/config',
  'external/config/x',
  'external/x/config',
  'info/x',
  'managed/user/x',
  'config/external',
]
const TARGET = fc
  .constantFrom(...BASES)
  .chain((base) =>
    fc
      .tuple(...base.split('/').map((word) => fc.tuple(SEPARATOR, encoded(word), NOISE)))
      .map((parts) => `/openidm/${parts.flat().join('').replace(/^\//, '')}`),
  )

describe('P3: access is decided on the path that is served', () => {
  let host: TestGateway
  const agent = new Agent({ keepAlive: true })
  ownedBySuite()

  before(async () => {
    host = await startGateway({ conf: CONF, plugins: [await pluginFolder(CARELESS, ROUTERS)] })
    await host.call('/managed/user/config', { method: 'PUT', json: userNamed('config'), headers: ADMIN })
    await host.call('/managed/user/x', { method: 'PUT', json: userNamed('x'), headers: ADMIN })
  })
  after(() => agent.destroy())

  const get = (target: string, headers = {}) =>
    request(`${new URL(host.url).origin}${target}`, { agent, headers: { ...ANONYMOUS, ...headers } })

  it('for the most careless reader behind a plugin', async () => {
    let reachedSome = 0
    await fc.assert(
      fc.asyncProperty(TARGET, async (target) => {
        const response = await get(target, { 'x-reader': 'careless' })
        if (response.status !== 200) return
        reachedSome += 1
        const [first, second] = response.json as string[]
        assert.ok(
          first === 'info' || (first === 'external' && second !== 'config'),
          `${target} reached ${response.text}`,
        )
      }),
      { numRuns: 1000 },
    )
    assert.ok(reachedSome > 20, `${reachedSome} requests got through`)
  })

  it('for the resources of the gateway itself', async () => {
    await fc.assert(
      fc.asyncProperty(TARGET, async (target) => {
        const { status, text } = await get(target)
        const isInfo = /^\/openidm\/(?:i|%69)nfo\//.test(target)
        assert.ok([400, 403, 404].includes(status) || (status === 200 && isInfo), `${target}: ${status} ${text}`)
        assert.equal(text.includes('_rev":"') && !isInfo, false, `${target} reached a managed object`)
      }),
      { numRuns: 1000 },
    )
  })

  it('for a method that is said in another way', async () => {
    const readOnly = { configs: [{ ...rule('managed/*'), methods: 'read' }] }
    const { port } = await startGateway({ conf: { 'access.json': readOnly } })
    const credentials = 'X-OpenIDM-Username: anonymous\r\nX-OpenIDM-Password: anonymous\r\n'
    for (const [line, headers] of [
      ['DELETE /openidm/managed/user/x', ''],
      ['POST /openidm/managed/user/x', 'X-HTTP-Method-Override: DELETE\r\n'],
      ['POST /openidm/managed/user', 'X-HTTP-Method-Override: get\r\nX-HTTP-Method-Override: DELETE\r\n'],
      ['POST /openidm/managed/user?_ACTION=create', ''],
      ['POST /openidm/managed/user', ''],
      ['GET /openidm/managed/user?_QueryFilter=true', ''],
      ['GET /openidm/managed/user?%5fqueryFilter=true', ''],
      ['GET /openidm/managed/user/x', 'X-HTTP-Method-Override: DELETE\r\n'],
    ] as const) {
      const raw = await openRaw(port)
      await raw.write(`${line} HTTP/1.1\r\nHost: x\r\n${credentials}${headers}Content-Length: 0\r\n\r\n`)
      const { status } = await raw.response()
      assert.ok([400, 403, 405].includes(status), `${line} ${headers}: ${status}`)
    }
  })
})
