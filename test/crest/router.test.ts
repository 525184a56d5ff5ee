import assert from 'node:assert/strict'
import type { Json } from '../../lib/contract.ts'
import { conflict } from '../../lib/crest/errors.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import { connect, registryOf } from '../../lib/crest/protocol/connection.ts'
import type { ReadRequest, ResourceHandler } from '../../lib/crest/protocol/request.ts'
import { childPath, normalizePath } from '../../lib/crest/protocol/resource-path.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'

const readRequest = (resourcePath: string, more: Partial<ReadRequest> = {}): ReadRequest => ({
  method: 'read',
  resourcePath,
  fields: [],
  additionalParameters: {},
  ...more,
})

/** Answers a read with its own name and the path it saw. */
const echo = (name: string, more: Partial<ResourceHandler> = {}): ResourceHandler => ({
  read: async ({ resourcePath }) => ({ id: name, revision: null, content: { path: resourcePath } }),
  ...more,
})

async function seen(router: ResourceRouter, path: string): Promise<Json[]> {
  const { id, content } = await router.handle(readRequest(path), {})
  return [id, content.path ?? null]
}

function sample(): ResourceRouter {
  const router = new ResourceRouter()
  for (const route of ['config', 'managed/user', 'external/idm', 'external/idm/eu/special'])
    router.add(route, echo(route))
  return router
}

describe('resource router', () => {
  const found: [path: string, route: string, rest: string][] = [
    ['config', 'config', ''],
    ['/config/', 'config', ''],
    ['config/sync', 'config', 'sync'],
    ['managed/user/a%2Fb', 'managed/user', 'a%2Fb'],
    ['managed/user/a b', 'managed/user', 'a%20b'],
    ['%6Danaged/user/x', 'managed/user', 'x'],
    ['external/idm/eu/managed/user', 'external/idm', 'eu/managed/user'],
    ['external/idm/eu/special/x', 'external/idm/eu/special', 'x'],
    ['external/idm/eu/specials', 'external/idm', 'eu/specials'],
  ]
  for (const [path, route, rest] of found)
    it(`${path} goes to ${route}`, async () => assert.deepEqual(await seen(sample(), path), [route, rest]))

  const missing = ['', '/', 'managed', 'managed/users', 'managed%2Fuser/x', 'Config', 'configuration', 'external']
  for (const path of missing)
    it(`'${path}' goes nowhere`, async () => {
      assert.equal(sample().routes(path), false)
      const message = `Resource '${path}' not found`
      await assert.rejects(sample().handle(readRequest(path), {}), { code: 404, message })
    })

  const broken = ['config/%zz', 'config//x', 'config/../managed/user', 'config/%2e%2E/x', 'config/./x']
  for (const path of broken)
    it(`'${path}' is served, and refused`, async () => {
      assert.equal(sample().routes(path), true)
      await assert.rejects(sample().handle(readRequest(path), {}), { code: 400 })
    })

  it('a route is taken once and free again when disposed', async () => {
    const router = sample()
    assert.throws(() => router.add('/config/', echo('other')), { code: 409 })
    const route = router.add('x', echo('first'))
    await route.dispose()
    router.add('x', echo('second'))
    await route.dispose()
    assert.deepEqual(await seen(router, 'x'), ['second', ''])
  })

  it('a handler of the root serves what no other does', async () => {
    const router = sample()
    router.add('', echo('root'))
    assert.deepEqual(await seen(router, 'anything/else'), ['root', 'anything/else'])
  })

  it('what a handler does not implement is answered with 501', async () => {
    const connection = connect(sample(), {})
    const calls: Promise<unknown>[] = [
      connection.create('config', 'x', {}),
      connection.update('config/x', null, {}),
      connection.patch('config/x', null, []),
      connection.delete('config/x', null),
      connection.query('config', { _queryFilter: 'true' }),
      connection.action('config', 'x'),
    ]
    for (const call of calls) await assert.rejects(call, { code: 501, message: /does not support/ })
  })

  it('a version that the handler does not have is answered with 404', async () => {
    const router = new ResourceRouter()
    router.add('job', echo('job', { versions: ['2.0'] }))
    await router.handle(readRequest('job', { resourceVersion: '2.0' }), {})
    const refused = router.handle(readRequest('job', { resourceVersion: '1.0' }), {})
    await assert.rejects(refused, { code: 404, message: "Resource '' not found" })
  })

  it('what a handler throws is a ResourceException, an unknown error a bare 500', async () => {
    const router = new ResourceRouter()
    router.add('known', { read: () => Promise.reject(conflict('busy')) })
    router.add('unknown', {
      read: () => {
        throw new Error('password=secret')
      },
    })
    await assert.rejects(router.handle(readRequest('known'), {}), { code: 409, message: 'busy' })
    await assert.rejects(router.handle(readRequest('unknown'), {}), { code: 500, message: 'Internal Server Error' })
  })

  it('a caller that has gone is not served', async () => {
    const signal = AbortSignal.abort()
    await assert.rejects(sample().handle(readRequest('config'), { signal }), { code: 500 })
  })

  it('limits answers to the fields, unless the handler does', async () => {
    const router = new ResourceRouter()
    const content = { a: 1, b: { c: 2, d: 3 } }
    const read = async () => ({ id: 'x', revision: null, content })
    router.add('local', { read })
    router.add('remote', { read, projectsFields: true })
    const fields = [['b', 'c']]
    assert.deepEqual((await router.handle(readRequest('local', { fields }), {})).content, { b: { c: 2 } })
    assert.deepEqual((await router.handle(readRequest('remote', { fields }), {})).content, content)
  })

  it('a registry adds, connects and is nothing more', async () => {
    const router = new ResourceRouter()
    const registry = registryOf(router)
    const route = registry.add('things', new MemoryCollection())
    await registry.connect().create('things', 'a', { x: 1 })
    assert.equal((await registry.connect().read('things/a'))?.x, 1)
    await route.dispose()
    assert.equal(await registry.connect().read('things/a'), null)
  })
})

describe('resource path', () => {
  const normalized: [path: string, normal: string][] = [
    ['/a/b/', 'a/b'],
    ['', ''],
    ['a%2fb', 'a%2Fb'],
    ['%61', 'a'],
    ['ä b', '%C3%A4%20b'],
  ]
  for (const [path, normal] of normalized)
    it(`'${path}' is '${normal}'`, () => assert.equal(normalizePath(path), normal))
  for (const path of ['a//b', '//', '%', '%FF'])
    it(`refuses '${path}'`, () => assert.throws(() => normalizePath(path), { code: 400 }))
  it('a child has its slash encoded', () => assert.equal(childPath('managed/user', 'a/b'), 'managed/user/a%2Fb'))
})
