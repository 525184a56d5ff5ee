import assert from 'node:assert/strict'
import type { Json, JsonObject } from '../../lib/contract.ts'
import { MemoryCollection } from '../../lib/crest/protocol/collection.ts'
import { type Connection, connect, connectDry } from '../../lib/crest/protocol/connection.ts'
import { WriteRecorder } from '../../lib/crest/protocol/recorder.ts'
import type { ResourceHandler } from '../../lib/crest/protocol/request.ts'
import { ResourceRouter } from '../../lib/crest/protocol/router.ts'

/** A router with the collection `c`, which holds `a`, and what goes on with it in recording mode. */
async function stage(readActions: readonly string[] = []) {
  const router = new ResourceRouter()
  const asked: string[] = []
  const collection = new MemoryCollection()
  router.add('c', collection)
  const action: ResourceHandler['action'] = async ({ resourcePath, action: name }) => {
    asked.push(`${resourcePath} ${name}`)
    return { asked: name }
  }
  for (const route of ['policy', 'external/idm', 'sync']) router.add(route, { action })
  const real = connect(router, {})
  await real.create('c', 'a', { name: 'one', tags: ['x'] })
  const recorder = new WriteRecorder(new Set(readActions))
  return { router, asked, real, recorder, dry: connect(router, { recorder }) }
}

const bare = (object: JsonObject | null): Json => {
  if (!object) return null
  const { _rev, ...rest } = object
  return rest
}

describe('recording mode', () => {
  const CASES: readonly {
    readonly title: string
    readonly work: (dry: Connection) => Promise<unknown>
    readonly writes: readonly JsonObject[]
    readonly isApproximate?: boolean
  }[] = [
    {
      title: 'a created object is read as it was sent',
      work: async (dry) => {
        await dry.create('c', 'b', { name: 'two' })
        assert.deepEqual(bare(await dry.read('c/b')), { _id: 'b', name: 'two' })
      },
      writes: [{ method: 'create', path: 'c', id: 'b', content: { name: 'two' } }],
    },
    {
      title: 'an id that the server would choose is not known',
      work: async (dry) => {
        const { _id } = await dry.create('c', null, { name: 'two' })
        assert.deepEqual(bare(await dry.read(`c/${String(_id)}`)), { _id, name: 'two' })
      },
      writes: [{ method: 'create', path: 'c', placeholder: 'recorded-1-id', content: { name: 'two' } }],
      isApproximate: true,
    },
    {
      title: 'patches apply one after the other to what is really there',
      work: async (dry) => {
        await dry.patch('c/a', null, [{ operation: 'replace', field: '/name', value: 'uno' }])
        await dry.patch('/c/%61', null, [{ operation: 'add', field: '/tags', value: ['y'] }])
        assert.deepEqual(bare(await dry.read('c/a')), { _id: 'a', name: 'uno', tags: ['x', 'y'] })
        assert.deepEqual(bare(await dry.read('c/a', null, ['name'])), { _id: 'a', name: 'uno' })
      },
      writes: [
        { method: 'patch', path: 'c/a', content: [{ operation: 'replace', field: '/name', value: 'uno' }] },
        { method: 'patch', path: 'c/a', content: [{ operation: 'add', field: '/tags', value: ['y'] }] },
      ],
    },
    {
      title: 'what is deleted is gone, and may be created again',
      work: async (dry) => {
        await dry.delete('c/a', null)
        assert.equal(await dry.read('c/a'), null)
        await assert.rejects(dry.update('c/a', null, {}), { code: 404 })
        await dry.create('c', 'a', {})
      },
      writes: [
        { method: 'delete', path: 'c/a' },
        { method: 'create', path: 'c', id: 'a', content: {} },
      ],
    },
    {
      title: 'what the real resource would refuse is refused',
      work: async (dry) => {
        await assert.rejects(dry.update('c/none', null, {}), { code: 404 })
        await assert.rejects(dry.patch('c/none', null, []), { code: 404 })
        await assert.rejects(dry.create('c', 'a', {}), { code: 412 })
        await assert.rejects(dry.update('c/a', 'another', {}), { code: 412 })
        await assert.rejects(dry.patch('c/a', null, [{ operation: 'add', field: '/tags/0', value: 1 }]), { code: 400 })
        await assert.rejects(
          dry.read('nowhere/a').then((found) => found ?? dry.update('nowhere/a', null, {})),
          { code: 404 },
        )
        await assert.rejects(dry.update('policy/a', null, {}), { code: 501 })
      },
      writes: [],
    },
    {
      title: 'a query over what was recorded is approximate',
      work: async (dry) => {
        await dry.patch('c/a', null, [{ operation: 'replace', field: '/name', value: 'uno' }])
        assert.equal((await dry.query('c', { _queryFilter: 'name eq "one"' })).resultCount, 1)
      },
      writes: [{ method: 'patch', path: 'c/a', content: [{ operation: 'replace', field: '/name', value: 'uno' }] }],
      isApproximate: true,
    },
    {
      title: 'a query of anything else is not',
      work: async (dry) => assert.equal((await dry.query('c', { _queryFilter: 'true' })).resultCount, 1),
      writes: [],
    },
    {
      title: 'an unknown action has no answer',
      work: async (dry) => assert.equal(await dry.action('sync', 'performAction', { x: 1 }, { mapping: 'm' }), null),
      writes: [
        { method: 'action', path: 'sync', action: 'performAction', content: { x: 1 }, parameters: { mapping: 'm' } },
      ],
      isApproximate: true,
    },
    {
      title: 'the name of a read action is none elsewhere',
      work: async (dry) => assert.equal(await dry.action('external/idm/x/endpoint/y', 'test'), null),
      writes: [{ method: 'action', path: 'external/idm/x/endpoint/y', action: 'test', content: null }],
      isApproximate: true,
    },
  ]
  for (const { title, work, writes, isApproximate = false } of CASES)
    it(title, async () => {
      const { dry, real, recorder, asked } = await stage()
      const before = await real.query('c', { _queryFilter: 'true' })
      await work(dry)
      assert.deepEqual(recorder.writes, writes)
      assert.equal(recorder.isApproximate, isApproximate)
      assert.deepEqual(await real.query('c', { _queryFilter: 'true' }), before)
      assert.deepEqual(asked, [])
    })

  it('a second write does not ask for the revision that the first one replaces', async () => {
    const { dry, real, recorder } = await stage()
    const revision = String((await real.read('c/a'))?._rev)
    const first = await dry.update('c/a', revision, { name: 'uno' })
    await dry.update('c/a', String(first._rev), { name: 'due' })
    assert.deepEqual(recorder.writes, [
      { method: 'update', path: 'c/a', revision, content: { name: 'uno' } },
      { method: 'update', path: 'c/a', content: { name: 'due' } },
    ])
  })

  it('known read actions, and those that the caller names, are asked', async () => {
    const { dry, recorder, asked } = await stage(['lookUp'])
    await dry.action('policy/managed/user/x', 'validateObject', {})
    await dry.action('external/idm/x', 'test')
    await dry.action('external/idm/x/endpoint/y', 'lookUp')
    await dry.action('sync', 'getLinkedResources')
    assert.deepEqual(asked, ['managed/user/x validateObject', 'x test', 'x/endpoint/y lookUp', ' getLinkedResources'])
    assert.ok(recorder.isUnused)
  })

  it('a handler that runs scripts is asked in the same mode', async () => {
    const { router, dry, recorder, real } = await stage()
    router.add('endpoint/e', {
      isScripted: true,
      action: async (_request, context) => {
        await connect(router, context).patch('c/a', null, [{ operation: 'replace', field: '/name', value: 'uno' }])
        return 'done'
      },
    })
    assert.equal(await dry.action('endpoint/e', 'anything'), 'done')
    assert.deepEqual(
      recorder.writes.map(({ method, path }) => `${method} ${path}`),
      ['patch c/a'],
    )
    assert.equal((await real.read('c/a'))?.name, 'one')
  })

  it('a write is recorded as filters leave it, and replayed behind them', async () => {
    const { router, dry, recorder, real } = await stage()
    let count = 0
    router.use((request, _context, next) => {
      if (request.method !== 'update') return next(request)
      count += 1
      return next({ ...request, content: { ...request.content, seen: Number(request.content.seen ?? 0) + 1 } })
    })
    await dry.update('c/a', null, { name: 'uno' })
    for (const write of recorder.writes) await router.replay(write)
    assert.deepEqual(bare(await real.read('c/a')), { _id: 'a', name: 'uno', seen: 1 })
    assert.equal(count, 1)
  })

  it('every kind of write does when replayed what it would have done', async () => {
    const { router, dry, recorder, real, asked } = await stage()
    await dry.create('c', 'b', { name: 'two' })
    await dry.update('c/b', null, { name: 'due' })
    await dry.patch('c/b', null, [{ operation: 'add', field: '/more', value: true }])
    await dry.delete('c/a', null)
    await dry.action('sync', 'performAction')
    for (const write of JSON.parse(JSON.stringify(recorder.writes))) await router.replay(write)
    const { result } = await real.query('c', { _queryFilter: 'true' })
    assert.deepEqual(result.map(bare), [{ _id: 'b', name: 'due', more: true }])
    assert.deepEqual(asked, [' performAction'])
  })

  it('a dry connection forgets what each request would write', async () => {
    const { router, real } = await stage()
    const dry = connectDry(router)
    await dry.delete('c/a', null)
    assert.ok(await dry.read('c/a'))
    assert.ok(await real.read('c/a'))
  })
})
