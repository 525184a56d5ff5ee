import assert from 'node:assert/strict'
import type { Json } from '../../lib/contract.ts'
import { connect } from '../../lib/crest/protocol/connection.ts'
import type { RequestContext } from '../../lib/crest/protocol/request.ts'
import { until } from '../helpers/until.ts'
import { js, limits, size, startScripting } from './parts.ts'

const FOREVER = 'while (true);'

/** A resource that answers when it is told to. */
function heldResource() {
  const gate = Promise.withResolvers<void>()
  let waiting = 0
  const action = async (): Promise<Json> => {
    waiting += 1
    await gate.promise
    return 'answer'
  }
  return { handler: { action }, release: () => gate.resolve(), waiting: () => waiting }
}

describe('script pool', () => {
  it('starts no thread without a script, and ends those that are idle', async () => {
    const { engine, run } = startScripting({ size: size({ idleMs: 50, computing: 4 }) })
    assert.equal(engine.load.threads, 0)
    await Promise.all(Array.from({ length: 8 }, (_, i) => run(`for (var i = 0; i < 1e5; i++); ${i}`)))
    assert.ok(engine.load.threads > 0)
    await until(() => engine.load.threads === 0, 'all threads have ended')
    assert.equal(await run('1'), 1)
  })

  it('lets others run while scripts wait for a resource, and has as many threads as wait', async () => {
    const { engine, router, run } = startScripting({ size: size({ computing: 1 }) })
    const { handler, release, waiting } = heldResource()
    router.add('slow', handler)
    const slow = Array.from({ length: 6 }, () => run('openidm.action("slow", "go")'))
    await until(() => waiting() === 6, 'six scripts wait')
    assert.equal(await run('1 + 1'), 2)
    assert.ok(engine.load.threads >= 7)
    release()
    assert.deepEqual(await Promise.all(slow), Array(6).fill('answer'))
  })

  it('lets others run while scripts compute', async () => {
    const { engine } = startScripting({ size: size({ computing: 1 }), limits: limits({ computeMs: 60_000 }) })
    const leave = new AbortController()
    const forever = await engine.compile(js(FOREVER))
    const short = await engine.compile(js('1 + 1'))
    const endless = [1, 2].map(() => assert.rejects(engine.run(forever, {}, { signal: leave.signal })))
    await until(() => engine.load.scripts === 2)
    for (let i = 0; i < 3; i++) assert.equal(await engine.run(short, {}), 2)
    assert.equal(engine.load.scripts >= 2, true, 'the endless ones go on')
    leave.abort()
    await Promise.all(endless)
  })

  it('runs 100 scripts at once that are nested 8 deep, with one that computes and few threads', async () => {
    const { engine, router } = startScripting({ size: size({ computing: 1, threads: 1, depth: 8 }) })
    const source = 'level > 1 ? openidm.action("nested", "go", { level: level - 1 }) + 1 : 1'
    const script = await engine.compile(js(source))
    router.add('nested', {
      action: ({ content }, context) => engine.run(script, content as { level: number }, { context }),
    })
    const results = await Promise.all(Array.from({ length: 100 }, () => engine.run(script, { level: 8 })))
    assert.deepEqual(results, Array(100).fill(8))
    assert.equal(engine.load.threads, 8, 'as many as there are levels')
  })

  it('refuses a script that is nested too deep, however the call came about', async () => {
    const { engine, router, failure } = startScripting({ size: size({ depth: 3 }) })
    const source = 'openidm.action("nested", "go")'
    const script = await engine.compile(js(source))
    router.add('nested', { action: async (_request, context) => engine.run(script, {}, { context }) })
    router.add('other', {
      action: async () => connect(router, {}).action('nested', 'go'),
    })
    const error = await failure('openidm.action("other", "go")')
    assert.deepEqual([error.code, error.message], [500, 'Scripts call each other more than 3 levels deep'])
  })

  it('gives scripts of one script their threads in parallel', async () => {
    const { engine, router, run } = startScripting({ size: size({ computing: 1, depth: 3, threads: 6 }) })
    const inner = await engine.compile(js('openidm.read("managed/user/x"); v'))
    router.add('many', {
      action: (_request, context) =>
        Promise.all(Array.from({ length: 30 }, (_, v) => engine.run(inner, { v }, { context }))),
    })
    assert.deepEqual(await run('openidm.action("many", "go").length'), 30)
  })

  describe('a cancelled request', () => {
    it('stops a script that computes', async () => {
      const { engine, run } = startScripting()
      const abort = new AbortController()
      const script = await engine.compile(js(FOREVER))
      const running = engine.run(script, {}, { signal: abort.signal })
      await until(() => engine.load.scripts === 1)
      abort.abort(new Error('gone'))
      await assert.rejects(running, /gone/)
      await until(() => engine.load.scripts === 0, 'the script has ended')
      assert.equal(engine.load.threads, 1)
      assert.equal(await run('1'), 1)
    })

    it('stops a script that waits, and what it waits for', async () => {
      const { engine, router } = startScripting()
      const contexts: RequestContext[] = []
      router.add('never', {
        action: (_request, context) => {
          contexts.push(context)
          return new Promise(() => undefined)
        },
      })
      const abort = new AbortController()
      const script = await engine.compile(js('try { openidm.action("never", "go") } catch (e) {} while (true);'))
      const running = engine.run(script, {}, { context: { signal: abort.signal } })
      const [context] = await until(() => contexts.length > 0 && contexts)
      abort.abort(new Error('gone'))
      await assert.rejects(running, /gone/)
      assert.equal(context?.signal?.aborted, true)
      await until(() => engine.load.scripts === 0, 'the script has ended')
    })

    it('never begins a script that is in the queue', async () => {
      const { engine, printed } = startScripting({ size: size({ computing: 1, threads: 8, depth: 8 }) })
      const abort = new AbortController()
      const [forever, prints] = [await engine.compile(js(FOREVER)), await engine.compile(js('console.log("ran")'))]
      const first = assert.rejects(engine.run(forever, {}, { signal: abort.signal }))
      const second = assert.rejects(engine.run(prints, {}, { signal: abort.signal }))
      await until(() => engine.load.scripts === 2)
      abort.abort()
      await Promise.all([first, second])
      await assert.rejects(engine.run(prints, {}, { signal: abort.signal }))
      assert.deepEqual(printed, [])
    })
  })

  it('refuses when too many wait', async () => {
    const { engine } = startScripting({ size: size({ computing: 1, threads: 8, queued: 2 }) })
    const script = await engine.compile(js('1'))
    const runs = await Promise.allSettled(Array.from({ length: 6 }, () => engine.run(script, {})))
    const refused = runs.filter(({ status }) => status === 'rejected')
    assert.ok(refused.length >= 3)
    for (const { reason } of refused as PromiseRejectedResult[]) assert.equal(reason.code, 503)
  })

  it('close ends everything, and refuses what comes later', async () => {
    const { engine, router } = startScripting({ size: size({ computing: 1 }) })
    router.add('slow', heldResource().handler)
    const scripts = await Promise.all(
      [FOREVER, 'openidm.action("slow", "go")', '1'].map((source) => engine.compile(js(source))),
    )
    const runs = scripts.flatMap((script) => [engine.run(script, {}), engine.run(script, {})])
    const outcomes = Promise.allSettled(runs)
    await until(() => engine.load.threads > 0)
    await engine.close()
    const refused = (await outcomes).filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]
    assert.ok(refused.length >= 4)
    for (const { reason } of refused) assert.equal(reason.code, 503)
    assert.deepEqual(engine.load, { threads: 0, scripts: 0 })
    const [script] = scripts
    if (script) await assert.rejects(engine.run(script, {}), { code: 503 })
  })
})
