import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { packageRoot } from '../../lib/gateway/project/package-info.ts'
import { startGateway } from './parts.ts'

interface Description {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId?: string }>>>>
  readonly components: { readonly schemas: Readonly<Record<string, { readonly properties?: Record<string, object> }>> }
}

/** A user who may read the users, and cancel runs. */
const READER = { username: 'reader', password: 'a reader', defaultUserRoles: ['internal/role/reader'] }
const AUTHENTICATION = {
  serverAuthContext: {
    authModules: [{ name: 'STATIC_USER', enabled: true, properties: { queryOnResource: 'internal/user', ...READER } }],
  },
}
const RULES = [
  { pattern: '*', roles: 'internal/role/openidm-admin', methods: '*', actions: '*' },
  { pattern: 'managed/user', roles: 'internal/role/reader', methods: 'query' },
  { pattern: 'managed/user/*', roles: 'internal/role/reader', methods: 'read' },
  { pattern: 'recon/*', roles: 'internal/role/reader', methods: 'action', actions: 'cancel' },
]
const AS_READER = { headers: { 'x-openidm-username': 'reader', 'x-openidm-password': 'a reader' } }

const methodsOf = (operations: object): string[] => Object.keys(operations).filter((name) => name !== 'parameters')

describe('the description of the API', () => {
  it('has what is served, with the managed types of the project', async () => {
    const managed = {
      objects: [
        {
          name: 'thing',
          schema: {
            properties: {
              label: { type: 'string', title: 'Label', searchable: true },
              code: { type: 'string', scope: 'private' },
              owner: { type: 'relationship' },
            },
            required: ['label'],
          },
        },
      ],
    }
    const { call } = await startGateway({ conf: { 'managed.json': managed }, plugins: [packageRoot] })
    const { openapi, paths, components } = (await call('/?_api')).json as Description
    assert.equal(openapi, '3.1.0')
    assert.deepEqual(components.schemas['managed-thing']?.properties, {
      _id: { type: 'string' },
      _rev: { type: 'string' },
      label: { title: 'Label', type: 'string' },
      code: { type: 'string', writeOnly: true },
      owner: { type: 'object' },
    })
    assert.deepEqual(methodsOf(paths['/managed/thing/{id}'] ?? {}), ['get', 'post', 'put', 'patch', 'delete'])
    assert.ok(!paths['/managed/user'])
    // What can be read is there.
    for (const [path, { get }] of Object.entries(paths)) {
      // The description itself is at the root, by a parameter.
      if (!get || path.includes('{') || path === '/') continue
      const { status } = await call(`${path}?_queryFilter=true&_pageSize=1`)
      const { status: read } = await call(path)
      assert.ok([status, read].includes(200), `${path}: ${status} ${read}`)
    }
  })

  it('has no reference that leads nowhere, and no operation twice', async () => {
    const { call } = await startGateway({ plugins: [packageRoot] })
    const { text, json } = await call('/?_api')
    const { components, paths } = json as Description
    const names = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name = '']) => name)
    assert.deepEqual(
      names.filter((name) => !components.schemas[name]),
      [],
    )
    const ids = Object.values(paths).flatMap((operations) =>
      Object.values(operations).map(({ operationId }) => operationId),
    )
    const given = ids.filter((id) => id !== undefined)
    assert.equal(new Set(given).size, given.length)
  })

  it('is limited to what the caller may use', async () => {
    const conf = { 'authentication.json': AUTHENTICATION, 'access.json': { configs: RULES } }
    const { call } = await startGateway({ conf, plugins: [packageRoot] })
    const { status, json, text } = await call('/?_api', AS_READER)
    assert.equal(status, 200)
    const { paths, components } = json as Description
    const seen = Object.entries(paths).map(([path, operations]) => [path, methodsOf(operations)])
    assert.deepEqual(seen, [
      ['/recon/{id}', ['post']],
      ['/managed/user', ['get']],
      ['/managed/user/{id}', ['get']],
    ])
    assert.ok(!components.schemas['managed-role'])
    assert.doesNotMatch(text, /"execute"/)
    // It opens nothing else.
    assert.equal((await call('/', AS_READER)).status, 403)
    assert.equal((await call('/config?_api', AS_READER)).status, 403)
    assert.equal((await call('/?_api', { ...AS_READER, method: 'DELETE' })).status, 403)
  })

  it('is for those who are signed in', async () => {
    const { call } = await startGateway()
    assert.equal((await call('/?_api', { headers: {} })).status, 401)
  })

  it('is in docs/openapi.json for paths that all gateways have', () => {
    const file = new URL('../../docs/openapi.json', import.meta.url)
    const { paths } = JSON.parse(readFileSync(file, 'utf8')) as Description
    for (const path of ['/managed/{type}/{id}', '/recon/plan/{id}/entry', '/config/mapping/{name}'])
      assert.ok(paths[path], path)
  })
})
