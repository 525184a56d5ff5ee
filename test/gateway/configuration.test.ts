import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { ownedBySuite } from '../helpers/clean-up.ts'
import { writeFiles } from '../helpers/files.ts'
import type { CallResponse } from '../helpers/http.ts'
import { startGateway, type TestGateway } from './parts.ts'

const js = (source: string, more: object = {}) => ({ type: 'text/javascript', source, ...more })
const BROKEN = js('var a = 1\nvar b = (')
const INSTANCE = { authType: 'basic', instanceUrl: 'http://127.0.0.1:9/openidm/', userName: 'u', password: 'p' }

const put = ({ call }: TestGateway, path: string, json: object): Promise<CallResponse> =>
  call(`/config/${path}`, { method: 'PUT', json })

describe('configuration over REST is judged by whoever will use it', () => {
  ownedBySuite()
  let gateway: TestGateway
  before(async () => {
    gateway = await startGateway({ plugins: [packageRoot] })
  })

  const refused: [path: string, content: object, pointer: string, reason: RegExp, line?: number][] = [
    ['router', { filters: [{ onRequest: BROKEN }] }, '/filters/0/onRequest', /^SyntaxError: .* at line number 2/, 2],
    [
      'router',
      { filters: [{}, { condition: { type: 'text/javascript', file: 'gone.js' } }] },
      '/filters/1/condition',
      /gone\.js is in none/,
    ],
    ['router', { filters: [{ pattern: '(' }] }, '/filters/0/pattern', /must be a regular expression/],
    ['endpoint/x', BROKEN, '/', /^SyntaxError: .* at line number 2/, 2],
    ['endpoint/x', { type: 'text/javascript', file: 'gone.js' }, '/', /gone\.js is in none/],
    ['endpoint/x', js('1', { context: 'managed/user' }), '/context', /"managed\/user" is served already/],
    [
      'managed',
      { objects: [{ name: 'x', onCreate: BROKEN }] },
      '/objects/0/onCreate',
      /^SyntaxError: .* line number 2/,
      2,
    ],
    [
      'managed',
      { objects: [{ name: 'x', schema: { properties: { a: { onStore: BROKEN } } } }] },
      '/objects/0/schema/properties/a/onStore',
      /^SyntaxError/,
      2,
    ],
    [
      'managed',
      { objects: [{ name: 'x', actions: { go: { type: 'groovy', source: '' } } }] },
      '/objects/0/actions/go',
      /Groovy/,
    ],
    ['managed', { objects: 1 }, '/objects', /must be an array/],
    [
      'schedule/x',
      { schedule: '0 0 2 * * ?', invokeService: 'script', invokeContext: { script: BROKEN } },
      '/invokeContext/script',
      /^SyntaxError/,
      2,
    ],
    [
      'schedule/x',
      { schedule: 'no', invokeService: 'sync', invokeContext: { action: 'reconcile', mapping: 'x' } },
      '/schedule',
      /is not a valid cron expression/,
    ],
    [
      'access',
      { configs: [{ pattern: '*', roles: '*', methods: 'see' }] },
      '/configs/0/methods',
      /must be "\*" or a comma list/,
    ],
    ['authentication', { rsFilter: { clientId: 'x' } }, '/rsFilter/clientSecret', /must be the secret/],
    ['gateway', { cors: { allowedOrigins: ['x'] } }, '/cors/allowedOrigins/0', /must be an origin/],
    ['script', { limits: { memoryMB: 0 } }, '/limits/memoryMB', /from 1 to 512/],
    [
      'external.idm/x',
      { ...INSTANCE, authType: 'Basic' },
      '/authType',
      /must be "basic" or "bearer" \(found "Basic"\)/,
    ],
    [
      'external.idm/x',
      { ...INSTANCE, clientCertificate: { file: 'security/gone.p12' } },
      '/clientCertificate',
      /gone\.p12/,
    ],
  ]
  for (const [path, content, pointer, reason, line] of refused)
    it(`${path}: ${pointer} ${reason.source}`, async () => {
      const before = await readdir(gateway.project.conf)
      const { status, json } = await put(gateway, path, content)
      const { message, detail } = json as { message: string; detail: { faults: JsonObject[] } }
      assert.equal(status, 400, message)
      const [fault] = detail.faults
      assert.equal(fault?.file, `${path.replace('/', '-')}.json`)
      assert.equal(fault?.pointer, pointer)
      assert.match(String(fault?.reason), reason)
      assert.equal(fault?.line, line)
      assert.match(message, new RegExp(`^The configuration ${path} is not valid: `))
      assert.deepEqual(await readdir(gateway.project.conf), before)
    })

  it('a managed type takes no route that is served already', async () => {
    assert.equal((await put(gateway, 'endpoint/thing', js('1', { context: 'managed/thing' }))).status, 201)
    const { status, text } = await put(gateway, 'managed', { objects: [{ name: 'thing' }] })
    assert.equal(status, 400)
    assert.match(text, /objects\.0\.name: must be a name whose route is free; .*managed\/thing/)
    assert.equal((await gateway.call('/config/endpoint/thing', { method: 'DELETE' })).status, 200)
  })
})

describe('messages about configuration', () => {
  it('show what stands in the file, never what it resolves to', async () => {
    const gateway = await startGateway({ plugins: [packageRoot] })
    await writeFiles(gateway.project.resolver, { 'x.properties': 'canary.a=canary-123\ncanary.b=canary-456:x\n' })
    const attempts: [path: string, content: object, shown?: RegExp][] = [
      ['external.idm/zz', { ...INSTANCE, authType: '&{canary.a}' }, /found \\"&\{canary\.a\}\\"/],
      ['external.idm/zz', { ...INSTANCE, instanceUrl: '&{canary.b}' }, /found the scheme \\"/],
      ['external.idm/zz', { ...INSTANCE, tlsVersion: 'x&{canary.a}' }],
      ['external.idm/zz', { ...INSTANCE, clientCertificate: { file: '&{canary.a}' } }],
      ['endpoint/zz', { type: 'text/javascript', file: '&{canary.a}.js' }, /&\{canary\.a\}\.js is in none/],
      ['endpoint/zz', js('1', { context: '&{canary.a}//' })],
      ['endpoint/zz', js('&{canary.a} canary is a syntax error')],
      ['router', { filters: [{ pattern: '(&{canary.a}' }] }],
      ['schedule/zz', { schedule: '&{canary.a}', invokeService: 'sync', invokeContext: {} }],
      ['managed', { objects: [{ name: 'a', onCreate: { type: 'text/javascript', file: '&{canary.a}.js' } }] }],
      ['access', { configs: [{ pattern: '&{canary.a}', roles: '*', methods: '&{canary.a}' }] }],
      ['authentication', { rsFilter: { tokenIntrospectUrl: '&{canary.b}' } }],
      ['sync', { mappings: [{ name: '&{canary.a}', source: 1 }] }],
    ]
    for (const [path, content, shown] of attempts) {
      const { status, text } = await put(gateway, path, content)
      assert.equal(status, 400, `${path}: ${text}`)
      if (shown) assert.match(text, shown)
      assert.doesNotMatch(text, /canary-|123|456/, path)
      await writeFiles(gateway.project.conf, { [`${path.replace('/', '-')}.json`]: content })
    }
    const { status } = await put(gateway, 'external.idm/ok', {
      ...INSTANCE,
      instanceUrl: 'http://127.0.0.1:9/&{canary.a}/',
    })
    assert.equal(status, 201)
    const texts = [
      (await gateway.call('/external/idm?_queryFilter=true')).text,
      (await gateway.call('/external/idm/ok?_action=test', { method: 'POST' })).text,
      (await gateway.call('/external/idm/ok/x')).text,
      (await gateway.call('/config')).text,
      (await gateway.call('/config?_queryFilter=true')).text,
      gateway.log.lines.join(''),
    ]
    for (const text of texts) assert.doesNotMatch(text, /canary-/)
  })
})

describe('configuration that is in force by default', () => {
  it('can be read, added to and put back', async () => {
    const gateway = await startGateway()
    const read = async (id: string) => (await gateway.call(`/config/${id}`)).json as JsonObject
    for (const id of ['access', 'authentication', 'gateway', 'managed', 'router', 'script', 'sync']) {
      const { _id, ...content } = await read(id)
      assert.equal(_id, id)
      assert.equal((await put(gateway, id, content)).status, 201)
      assert.deepEqual(await read(id), { _id, ...content })
      assert.equal((await gateway.call(`/config/${id}`, { method: 'DELETE' })).status, 200)
    }
    assert.deepEqual((await gateway.call('/config')).json, { _id: '', configurations: [] })
    const type = { operation: 'add', field: '/objects/-', value: { name: 'device' } as Json }
    assert.equal((await gateway.call('/config/managed', { method: 'PATCH', json: [type] })).status, 200)
    const { objects } = await read('managed')
    assert.deepEqual(
      (objects as JsonObject[]).map(({ name }) => name),
      ['user', 'role', 'assignment', 'organization', 'device'],
    )
    assert.equal((await gateway.call('/managed/device?_queryFilter=true')).status, 200)
    assert.equal((await gateway.call('/managed/user?_queryFilter=true')).status, 200)
    assert.equal((await gateway.call('/config/access', { method: 'DELETE' })).status, 404)
  })
})

describe('a patch with transform', () => {
  it('gives a field what a script makes of it', async () => {
    const gateway = await startGateway({ conf: { 'custom-rates.json': { list: [1, 2], password: 'canary' } } })
    const patch = (field: string, value: unknown) =>
      gateway.call('/config/custom/rates', { method: 'PATCH', json: [{ operation: 'transform', field, value }] })
    const doubled = await patch('/list', {
      script: js('content.map(function (n) { return n * by })', { globals: { by: 2 } }),
    })
    assert.equal(doubled.status, 200)
    assert.deepEqual((doubled.json as JsonObject).list, [2, 4])
    const added = await patch('/new', { script: js('content === null ? "made" : content') })
    assert.equal((added.json as JsonObject).new, 'made')
    const theft = await patch('/stolen', { script: js('openidm.read("config/custom/rates").password') })
    assert.equal(theft.status, 400)
    for (const value of [{}, { script: BROKEN }, 'x']) assert.equal((await patch('/a', value)).status, 400)
    const failed = await patch('/a', { script: js('throw { code: 403, message: "no" }') })
    assert.equal(failed.status, 403)
    assert.doesNotMatch((await gateway.call('/config/custom/rates')).text, /canary/)
  })

  it('is not for managed objects', async () => {
    const gateway = await startGateway()
    await gateway.gateway.connection.create('managed/role', 'r', { name: 'r' })
    const json = [{ operation: 'transform', field: '/name', value: { script: js('1') } }]
    assert.equal((await gateway.call('/managed/role/r', { method: 'PATCH', json })).status, 501)
  })
})
