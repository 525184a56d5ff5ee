import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { JsonObject } from '../../lib/contract.ts'
import { writeAtomically } from '../helpers/files.ts'
import type { CallResponse } from '../helpers/http.ts'
import { until } from '../helpers/until.ts'
import { ADMIN, ANONYMOUS, startGateway, type TestGateway } from './parts.ts'

const origin = 'https://app.example.com'
const other = 'https://other.example.com'
const FILTER = 'servletfilter-cors.json'

const preflight = ({ call }: TestGateway, from = origin): Promise<CallResponse> =>
  call('/info/ping', { method: 'OPTIONS', headers: { origin: from, 'access-control-request-method': 'PUT' } })

const startWith = (cors: object) =>
  startGateway({ conf: { 'gateway.json': { cors: { allowedOrigins: [origin], ...cors } } } })

const named = ({ headers }: CallResponse, header: string) => headers[`access-control-${header}`]

/** As IDM ships it, with the origins of a customer. */
const filter = (initParams: object) => ({
  classPathURLs: [],
  systemProperties: {},
  requestAttributes: {},
  scriptExtensions: {},
  initParams: {
    allowedOrigins: origin,
    allowedMethods: 'GET,POST,PUT,DELETE,PATCH',
    chainPreflight: 'false',
    ...initParams,
  },
  urlPatterns: ['/*'],
  filterClass: 'org.eclipse.jetty.servlets.CrossOriginFilter',
})

describe('CORS', () => {
  it('is off', async () => {
    const gateway = await startGateway()
    const answer = await gateway.call('/info/ping', { headers: { ...ANONYMOUS, origin } })
    assert.equal(named(answer, 'allow-origin'), undefined)
    assert.equal((await preflight(gateway)).status, 401)
  })

  it('lets the origins named call, and no other', async () => {
    const gateway = await startWith({})
    const asked = await preflight(gateway)
    assert.equal(asked.status, 204)
    assert.equal(named(asked, 'allow-origin'), origin)
    assert.equal(named(asked, 'allow-credentials'), undefined)
    assert.equal(named(asked, 'max-age'), '600')
    const answer = await gateway.call('/info/ping', { headers: { ...ADMIN, origin } })
    assert.deepEqual([answer.status, named(answer, 'allow-origin'), answer.headers.vary], [200, origin, 'Origin'])
    const refused = await preflight(gateway, `${origin}.evil.example`)
    assert.deepEqual([refused.status, named(refused, 'allow-origin')], [401, undefined])
  })

  it('allows the headers that the platform’s own pages, tracing and caches send', async () => {
    const allowed = String(named(await preflight(await startWith({})), 'allow-headers')).split(', ')
    for (const header of [
      'x-openidm-password',
      'x-requested-platform',
      'x-forgerock-transactionid',
      'traceparent',
      'cache-control',
    ])
      assert.ok(allowed.includes(header), header)
  })

  it('takes headers, credentials and age from gateway.json', async () => {
    const settings = { allowedHeaders: ['x-mine'], exposedHeaders: ['x-yours'], allowCredentials: true, maxAge: 5 }
    const gateway = await startWith(settings)
    const asked = await preflight(gateway)
    assert.equal(named(asked, 'allow-headers'), 'x-mine')
    assert.equal(named(asked, 'allow-credentials'), 'true')
    assert.equal(named(asked, 'max-age'), '5')
    const answer = await gateway.call('/info/ping', { headers: { ...ADMIN, origin } })
    assert.equal(named(answer, 'expose-headers'), 'x-yours')
    assert.equal(named(answer, 'allow-credentials'), 'true')
  })

  it('is off with a value that it does not understand, whose key is named', async () => {
    for (const [cors, message] of [
      [{ allowedOrigins: ['*'] }, /gateway\.json: cors\.allowedOrigins\.0: must be an origin/],
      [{ allowedHeaders: ['a b'] }, /cors\.allowedHeaders\.0: must be the name of a header/],
      [{ maxAge: -1 }, /cors\.maxAge: must be a number of seconds/],
      [{ maxage: 1 }, /cors: .*maxage/],
    ] as const) {
      const gateway = await startWith(cors)
      assert.equal((await preflight(gateway)).status, 401)
      const { json } = await gateway.call('/config')
      const [listed] = (json as { configurations: JsonObject[] }).configurations
      assert.match(String(listed?.error), message)
    }
  })

  it('understands servletfilter-cors.json, and follows it', async () => {
    const initParams = { allowedHeaders: 'accept, x-mine', allowCredentials: 'true', preflightMaxAge: '1800' }
    const gateway = await startGateway({ conf: { [FILTER]: filter(initParams) } })
    const asked = await preflight(gateway)
    assert.deepEqual(
      ['allow-origin', 'allow-headers', 'allow-credentials', 'max-age'].map((header) => named(asked, header)),
      [origin, 'accept, x-mine', 'true', '1800'],
    )
    await writeAtomically(join(gateway.project.conf, FILTER), filter({ allowedOrigins: `${origin}, ${other}` }))
    await until(async () => named(await preflight(gateway, other), 'allow-origin') === other)
    assert.equal(named(await preflight(gateway), 'allow-origin'), origin)
  })

  it('is that of gateway.json where both are there', async () => {
    const conf = { [FILTER]: filter({}), 'gateway.json': { cors: { allowedOrigins: [other] } } }
    const gateway = await startGateway({ conf })
    assert.equal(named(await preflight(gateway, other), 'allow-origin'), other)
    assert.equal((await preflight(gateway)).status, 401)
  })

  it('starts with a broken servletfilter-cors.json, and says what is wrong with it', async () => {
    const gateway = await startGateway({ conf: { [FILTER]: filter({ allowedOrigins: '*' }) } })
    assert.equal((await preflight(gateway)).status, 401)
    const faults = gateway.log.entries.filter(({ level }) => level === 'error').map(({ msg }) => String(msg))
    assert.equal(faults.length, 1)
    assert.match(faults[0] ?? '', /servletfilter-cors\.json: initParams\.allowedOrigins\.0: must be an origin/)
  })
})
