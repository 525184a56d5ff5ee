import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { ADMIN, ANONYMOUS, PASSWORD, startGateway, type TestGateway } from './parts.ts'

const BO = { userName: 'bo', givenName: 'Bo', sn: 'Lind', mail: 'bo@example.net', password: 'Passw0rd' }
const ENDPOINT = { type: 'text/javascript', source: '({ answer: 42 })' }

/** Any value of a type, where the value is the machine's. */
const NUMBER = 0
const TEXT = 'text'
type Shape = Json

function assertShape(actual: Json | undefined, shape: Shape, path = ''): void {
  if (Array.isArray(shape)) {
    assert.ok(Array.isArray(actual) && actual.length === shape.length, `${path}: ${JSON.stringify(actual)}`)
    for (const [index, element] of shape.entries()) assertShape(actual[index], element, `${path}/${index}`)
  } else if (typeof shape === 'object' && shape !== null) {
    assert.deepEqual(Object.keys(actual as JsonObject), Object.keys(shape), path)
    for (const [name, member] of Object.entries(shape))
      assertShape((actual as JsonObject)[name], member, `${path}/${name}`)
  } else if (shape === NUMBER || shape === TEXT) assert.equal(typeof actual, typeof shape, path)
  else assert.equal(actual, shape, path)
}

const POOL = { activeThreads: 0, corePoolSize: 0, largestPoolSize: 0, maximumPoolSize: 0, currentPoolSize: 0 }
const USAGE = { init: NUMBER, used: NUMBER, committed: NUMBER, max: NUMBER }
const NODE = {
  ...{ instanceId: 'node-7', startup: TEXT, state: 'running', shutdown: '' },
  ...{ pid: process.pid, leads: true, version: TEXT, uptime: NUMBER, connections: NUMBER, requests: 1 },
  ...{ memory: { rss: NUMBER, heapUsed: NUMBER }, restarts: NUMBER, lastExit: null },
}
const AUTHORIZED = {
  name: 'openidm-authorized',
  description: 'Basic minimum user',
  condition: null,
  temporalConstraints: [],
  privileges: [],
}
const SIX_ROLES = ['admin', 'authorized', 'cert', 'reg', 'tasks-manager'].map((name) => `openidm-${name}`)
const OFF = (name: string) => ({ _id: name, name, enabled: false, endpoints: [] })
const FEATURES = [
  { _id: 'endpoint', name: 'endpoint', enabled: true, endpoints: ['endpoint/answer', 'util/more/*'] },
  ...['email', 'passwordReset', 'registration', 'retrieveUsername', 'workflow'].map(OFF),
]

/** Request, and what is answered; a number is an error. */
const TABLE: [request: string, answer: Shape | number, body?: JsonObject][] = [
  ['GET internal/role/openidm-authorized', { _id: 'openidm-authorized', ...AUTHORIZED }],
  ['GET internal/role/nobody', 404],
  ['GET internal/role', 404],
  ['PUT internal/role/mine', 501, { name: 'mine' }],
  ['POST system?_action=test', []],
  ['POST system?_action=testConnectorServers', { openicf: [] }],
  ['POST system?_action=availableConnectors', { connectorRef: [] }],
  ['POST system?_action=liveSync', 400],
  ['POST system/ldap?_action=test', 404],
  ['GET system/ldap/account?_queryFilter=true', 404],
  ['GET info/features/workflow', OFF('workflow')],
  ['GET info/features/nothing', 404],
  ['GET cluster', { _id: '', results: [NODE] }],
  ['GET cluster/node-7', { _id: 'node-7', ...NODE }],
  ['GET cluster/node-8', 404],
  [
    'GET health/os',
    {
      _id: '',
      availableProcessors: NUMBER,
      systemLoadAverage: NUMBER,
      operatingSystemArchitecture: TEXT,
      operatingSystemName: TEXT,
      operatingSystemVersion: TEXT,
    },
  ],
  [
    'GET health/memory',
    { _id: '', objectPendingFinalization: NUMBER, heapMemoryUsage: USAGE, nonHeapMemoryUsage: USAGE },
  ],
  ['GET health/recon', { _id: '', ...POOL }],
  ['GET health/swap', 404],
  ['GET schema/managed/nothing', 404],
  ['GET schema/managed', 404],
  ['GET schema/user', 404],
  ['POST authentication?_action=login', 400],
]

const list = async ({ call }: TestGateway, path: string): Promise<JsonObject[]> =>
  ((await call(`${path}?_queryFilter=true`)).json as { result: JsonObject[] }).result

describe('endpoints that tools ask for', function () {
  this.timeout(20_000)
  let gateway: TestGateway

  beforeEach(async () => {
    process.env.OPENIDM_NODE_ID = 'node-7'
    onCleanUp(() => void delete process.env.OPENIDM_NODE_ID)
    gateway = await startGateway({
      conf: { 'endpoint-answer.json': ENDPOINT, 'endpoint-more.json': { ...ENDPOINT, context: 'util/more/*' } },
    })
  })

  it('answer as those of the vendor', async () => {
    for (const [request, answer, body] of TABLE) {
      const [method = '', path = ''] = request.split(' ')
      const { status, json } = await gateway.call(`/${path}`, { method, ...(body && { json: body }) })
      if (typeof answer === 'number') assert.equal(status, answer, request)
      else {
        assert.equal(status, 200, `${request}: ${JSON.stringify(json)}`)
        assertShape(json as Json, answer, request)
      }
    }
  })

  it('are closed to whom no rule lets in', async () => {
    for (const [request] of TABLE) {
      const [method = '', path = ''] = request.split(' ')
      if (path.startsWith('info/')) continue
      assert.equal((await gateway.call(`/${path}`, { method, headers: ANONYMOUS })).status, 403, request)
    }
  })

  it('list roles, features and nodes', async () => {
    const ids = (await list(gateway, '/internal/role')).map(({ _id }) => _id)
    assert.deepEqual(ids, [...SIX_ROLES, 'platform-provisioning'])
    assert.deepEqual(await list(gateway, '/info/features'), FEATURES)
    assert.deepEqual((await list(gateway, '/cluster')).length, 1)
  })

  it('show the schema in force, also after it has changed', async () => {
    const read = async () => (await gateway.call('/schema/managed/user')).json as JsonObject
    const { _id, required, properties } = (await read()) as { _id: string; required: Json; properties: JsonObject }
    assert.equal(_id, 'user')
    assert.deepEqual(required, ['userName', 'givenName', 'sn', 'mail'])
    assert.deepEqual((properties.sn as JsonObject).type, 'string')
    const schema = { properties: { badge: { type: 'string' } } }
    await gateway.call('/config/managed', { method: 'PUT', json: { objects: [{ name: 'user', schema }] } })
    assert.deepEqual(await read(), { _id: 'user', ...schema })
  })

  describe('policy', () => {
    const validate = async (path: string, action: string, json: JsonObject) => {
      const answer = await gateway.call(`/policy/${path}?_action=${action}`, { method: 'POST', json })
      return answer.json as { result: boolean; failedPolicyRequirements: JsonObject[] }
    }
    const failures = (...pairs: [property: string, ...requirements: (string | JsonObject)[]][]) => ({
      result: pairs.length === 0,
      failedPolicyRequirements: pairs.map(([property, ...requirements]) => ({
        property,
        policyRequirements: requirements.map((requirement) =>
          typeof requirement === 'string' ? { policyRequirement: requirement } : requirement,
        ),
      })),
    })
    const SHORT = { policyRequirement: 'MIN_LENGTH', params: { minLength: 8 } }

    it('shows what the properties of a type must fulfil', async () => {
      const { json } = await gateway.call('/policy/managed/user/*')
      const { resource, properties } = json as { resource: string; properties: JsonObject[] }
      assert.equal(resource, 'managed/user/*')
      assert.deepEqual(
        properties.find(({ name }) => name === 'mail'),
        {
          name: 'mail',
          policies: [
            { policyId: 'required', policyRequirements: ['REQUIRED'] },
            { policyId: 'valid-type', params: { types: ['string'] }, policyRequirements: ['VALID_TYPE'] },
            { policyId: 'valid-email-address-format', policyRequirements: ['VALID_EMAIL_ADDRESS_FORMAT'] },
          ],
          policyRequirements: ['REQUIRED', 'VALID_TYPE', 'VALID_EMAIL_ADDRESS_FORMAT'],
          fallbackPolicies: null,
        },
      )
      const { resources } = (await gateway.call('/policy')).json as { resources: JsonObject[] }
      assert.deepEqual(
        resources.map((entry) => entry.resource),
        ['user', 'role', 'assignment', 'organization'].map((name) => `managed/${name}/*`),
      )
    })

    it('validates objects and properties, and writes nothing', async () => {
      assert.deepEqual(await validate('managed/user/*', 'validateObject', BO), failures())
      const bad = { userName: 'b/o', sn: 5, mail: 'nowhere', password: '123' }
      assert.deepEqual(
        await validate('managed/user/*', 'validateObject', bad),
        failures(
          ['userName', { policyRequirement: 'CANNOT_CONTAIN_CHARACTERS', params: { forbiddenChars: ['/'] } }],
          ['givenName', 'REQUIRED'],
          ['sn', { policyRequirement: 'VALID_TYPE', params: { invalidType: 'number', validTypes: ['string'] } }],
          ['mail', 'VALID_EMAIL_ADDRESS_FORMAT'],
          ['password', SHORT],
        ),
      )
      assert.deepEqual(
        await validate('managed/user/x', 'validateProperty', { password: '1' }),
        failures(['password', SHORT]),
      )
      assert.deepEqual(await validate('managed/user/x', 'validateProperty', { constructor: 1 }), failures())
      assert.deepEqual(await validate('managed/nothing/x', 'validateObject', {}), failures())
      assert.deepEqual(await list(gateway, '/managed/user'), [])
    })

    it('knows what is taken, but for the object itself, and what the object has already', async () => {
      await gateway.gateway.connection.create('managed/user', 'bo', BO)
      const { password, ...visible } = BO
      assert.deepEqual(await validate('managed/user/bo', 'validateObject', visible), failures())
      assert.deepEqual(await validate('managed/user/*', 'validateProperty', BO), failures(['userName', 'UNIQUE']))
      assert.deepEqual(
        await validate('managed/user/al', 'validateObject', { ...BO, password: '1' }),
        failures(['password', SHORT], ['userName', 'UNIQUE']),
      )
    })

    it('refuses what it cannot judge', async () => {
      for (const [path, json] of [
        ['/policy?_action=validateObject', {}],
        ['/policy/managed/user/*?_action=validateAll', {}],
        ['/policy/managed/user/*?_action=validateObject', []],
      ] as const)
        assert.equal((await gateway.call(path, { method: 'POST', json })).status, 400, path)
    })
  })

  describe('authentication?_action=reauthenticate', () => {
    const PATH = '/authentication?_action=reauthenticate'
    const encoded = `UTF-8''${encodeURIComponent(PASSWORD)}`
    const ask = (password: string | undefined, headers: Readonly<Record<string, string>> = ADMIN) =>
      gateway.call(PATH, {
        method: 'POST',
        headers: { ...headers, ...(password !== undefined && { 'x-openidm-reauth-password': password }) },
      })

    it('is content with the caller’s own password', async () => {
      const { status, json } = await ask(encoded)
      assert.deepEqual([status, json], [200, { reauthenticated: true }])
    })

    it('refuses any other, and none', async () => {
      for (const password of ['anonymous', '', undefined]) {
        const { status, json } = await ask(password)
        assert.equal(status, 403)
        assert.match((json as { message: string }).message, /^Reauthentication failed/)
      }
    })

    it('checks the password of the caller, not of the account that has the same name elsewhere', async () => {
      const rule = { pattern: 'authentication', roles: '*', methods: 'action', actions: 'reauthenticate' }
      await gateway.call('/config/access', { method: 'PUT', json: { configs: [rule, ADMIN_RULE] } })
      await gateway.gateway.connection.create('internal/user', 'bo', { password: 'internal-1', roles: [] })
      await gateway.gateway.connection.create('managed/user', 'bo', BO)
      const asBo = { 'x-openidm-username': 'bo', 'x-openidm-password': BO.password }
      assert.equal((await ask(BO.password, asBo)).status, 200)
      assert.equal((await ask('internal-1', asBo)).status, 403)
      assert.equal((await ask('Passw0rd2', asBo)).status, 403)
    })

    it('serves scripts that the caller’s request runs, and tells them no password', async () => {
      const source =
        "({ answer: openidm.action('authentication', 'reauthenticate'), context: JSON.stringify(context) })"
      await gateway.call('/config/endpoint/again', { method: 'PUT', json: { type: 'text/javascript', source } })
      const { json, text } = await gateway.call('/endpoint/again', {
        headers: { ...ADMIN, 'x-openidm-reauth-password': encoded },
      })
      assert.deepEqual((json as JsonObject).answer, { reauthenticated: true })
      assert.ok(!text.includes(encoded))
    })
  })
})

const ADMIN_RULE = { pattern: '*', roles: 'internal/role/openidm-admin', methods: '*', actions: '*' }
