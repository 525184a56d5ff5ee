import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { until } from '../helpers/until.ts'
import { js, size, startScripting } from '../script/parts.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Eight hours' worth is 200,000: `SCRIPT_RUNS=200000`. */
const RUNS = Number(process.env.SCRIPT_RUNS ?? 20_000)
const AT_ONCE = 40

describe(`${RUNS} runs of scripts`, () => {
  it('leave memory, threads and listeners where they were', async function () {
    this.timeout(120_000 + RUNS * 10)
    const { engine } = startScripting({ size: size({ computing: 2, idleMs: 200 }) })
    const script = await engine.compile(
      js(`leaked = list; String.prototype.x = 1
        if (n % 5 === 0) leaked = openidm.query("managed/user", { _queryFilter: "true" }).result
        if (n % 50 === 0) throw { code: 400, message: "m" + n, detail: list }
        n`),
    )
    const withModule = await engine.compile(js('require("lib/lodash").map(list, String)'))
    const controller = new AbortController()
    const { signal } = controller
    const runOne = (n: number) =>
      engine.run(n % 100 === 1 ? withModule : script, { n, list: [1, 2, { a: n }] }, { signal }).catch(() => undefined)
    const runAll = async (count: number) => {
      for (let n = 0; n < count; n += AT_ONCE)
        await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => runOne(n + i)))
    }
    await runAll(RUNS / 10)
    const before = await memory()
    const threads = engine.load.threads
    await runAll(RUNS)
    const after = await memory()
    const [heap, other] = [after.heap - before.heap, after.other - before.other]
    assert.ok(heap < 4, `${heap.toFixed(1)} MB of objects more after ${RUNS} runs`)
    // A thread has some 10 MB, and what it has given back is not always given back to the system.
    assert.ok(other < 64, `${other.toFixed(1)} MB more after ${RUNS} runs`)
    assert.ok(engine.load.threads <= Math.max(threads, 4), `${engine.load.threads} threads`)
    assert.equal(engine.load.scripts <= 1, true)
    await until(() => engine.load.threads === 0, 'idle threads have ended')
    await engine.close()
    assert.deepEqual(
      process.getActiveResourcesInfo().filter((name) => /Worker|MessagePort/.test(name)),
      [],
    )
  })
})

/**
 * Megabytes of live objects, and of memory that is not V8's. That comes first: what a collection gives back to V8 is
 * given back to the system later.
 */
async function memory(): Promise<{ heap: number; other: number }> {
  const { heapTotal, rss } = process.memoryUsage()
  for (let i = 0; i < 3; i++) {
    await turn()
    collect()
  }
  return { heap: process.memoryUsage().heapUsed / 1024 / 1024, other: (rss - heapTotal) / 1024 / 1024 }
}
