import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { ResourceHandler, ResourceRequest } from '../../lib/crest/protocol/request.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'
import { ownPlugins } from '../../lib/gateway/project/package-info.ts'
import { onCleanUp } from '../helpers/clean-up.ts'
import { startGateway } from './parts.ts'

type Method = ResourceRequest['method']
const METHODS: readonly Method[] = ['create', 'read', 'update', 'patch', 'delete', 'query', 'action']

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly schema: { readonly enum?: readonly string[] } }[]
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: object }>> }>>
}

type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>

/** What is served by code that is no resource. */
const PAGES = ['/', '/metrics/prometheus', '/health/live', '/health/ready']

/** What is there only to say that there is nothing. */
const EMPTY: Readonly<Record<string, readonly Method[]>> = {
  managed: ['create', 'update', 'patch', 'delete', 'query', 'action'],
  system: ['read', 'query'],
}

/** Notes each route that any part of a gateway adds, with its handler. */
function followRoutes(): ReadonlyMap<string, ResourceHandler> {
  const routes = new Map<string, ResourceHandler>()
  const { add } = ResourceRouter.prototype
  ResourceRouter.prototype.add = function (route, handler) {
    routes.set(route, handler)
    return add.call(this, route, handler)
  }
  onCleanUp(() => {
    ResourceRouter.prototype.add = add
  })
  return routes
}

/** The kinds of requests that the operations of a path stand for. */
function methodsIn(operations: Readonly<Record<string, Operation>>): Set<Method> {
  const { get, post, put, patch, delete: remove } = operations
  const actions = post?.parameters?.find(({ name }) => name === '_action')?.schema.enum
  const answer = JSON.stringify(get?.responses['200'] ?? {})
  const found: readonly (readonly [Method, boolean])[] = [
    ['query', answer.includes('"result"')],
    [
      'read',
      get !== undefined &&
        !/^\{"description":"[^"]*","content":\{"application\/json":\{"schema":\{"type":"object"/.test(answer),
    ],
    ['create', put !== undefined || actions?.includes('create') === true],
    ['action', post !== undefined && (actions === undefined || actions.some((name) => name !== 'create'))],
    ['update', put !== undefined],
    ['patch', patch !== undefined],
    ['delete', remove !== undefined],
  ]
  return new Set(found.filter(([, has]) => has).map(([method]) => method))
}

/** The described methods of each route: a path belongs to the longest route that it is below. */
function described(paths: Paths, routes: Iterable<string>): ReadonlyMap<string, Set<Method>> {
  const all = [...routes].sort((one, other) => other.length - one.length)
  const found = new Map<string, Set<Method>>(all.map((route) => [route, new Set()]))
  for (const [path, operations] of Object.entries(paths)) {
    const owner = all.find((route) => `${path}/`.startsWith(`/${route}/`))
    for (const method of methodsIn(operations)) if (owner !== undefined) found.get(owner)?.add(method)
  }
  return found
}

const served = (route: string, handler: ResourceHandler): Method[] =>
  METHODS.filter((method) => handler[method] !== undefined && !EMPTY[route]?.includes(method))

/** `route method` of each. */
const listOf = (methods: ReadonlyMap<string, Iterable<Method>>): string[] =>
  [...methods].flatMap(([route, names]) => [...names].map((name) => `${route} ${name}`)).sort()

describe('the routes of a gateway', () => {
  const conf = {
    'endpoint-quota.json': { type: 'text/javascript', source: '({})' },
    'gateway.json': { live: false },
  }

  it('are described by ?_api, with each method and no other', async () => {
    const routes = followRoutes()
    const { call } = await startGateway({ plugins: ownPlugins, conf })
    const { paths } = (await call('/?_api')).json as { paths: Paths }
    const real = new Map([...routes].map(([route, handler]) => [route, served(route, handler)]))
    assert.ok(real.has('recon') && real.has('endpoint/quota') && real.has('managed/user'))
    assert.deepEqual(listOf(described(paths, real.keys())), listOf(real))
    for (const page of PAGES) assert.ok(paths[page]?.get, page)
  })

  it('are described in docs/openapi.json, but for those that a project has of its own', async () => {
    const routes = followRoutes()
    await startGateway({ plugins: ownPlugins })
    const { paths } = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8')) as {
      paths: Paths
    }
    const common = [...routes].filter(([route]) => !/^managed\/./.test(route))
    const types = [...routes].filter(([route]) => route === 'managed/user').map(([, handler]) => handler)
    const real = new Map(
      [...common, ['managed/{type}', types[0] ?? {}] as const].map(([route, handler]) => [
        route,
        served(route, handler),
      ]),
    )
    assert.deepEqual(listOf(described(paths, real.keys())), listOf(real))
    for (const page of PAGES) assert.ok(paths[page]?.get, page)
  })

  it('have the actions that are described', async () => {
    const { call } = await startGateway({ plugins: ownPlugins, conf })
    const { paths } = (await call('/?_api')).json as { paths: Paths }
    for (const [path, { post }] of Object.entries(paths)) {
      const names = post?.parameters?.find(({ name }) => name === '_action')?.schema.enum ?? []
      for (const name of names.filter((one) => one !== 'create')) {
        const at = path.replace(/\{\w+\}/g, 'none')
        const { status, text } = await call(`${at}?_action=${name}`, { method: 'POST', json: {} })
        assert.doesNotMatch(
          text,
          /unknown action|unsupported action|not supported|has the actions|have the actions/i,
          `${path} ${name}`,
        )
        assert.ok(status < 500, `${path} ${name}: ${status} ${text}`)
      }
    }
  })
})
