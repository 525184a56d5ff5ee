import assert from 'node:assert/strict'
import { singleFlight } from '../../lib/core/single-flight.ts'

/** Work that ends when the test says so. */
function work() {
  const runs: PromiseWithResolvers<number>[] = []
  const start = () => {
    const run = Promise.withResolvers<number>()
    runs.push(run)
    return run.promise
  }
  return { runs, ask: singleFlight(start) }
}

describe('singleFlight', () => {
  it('shares one run among all who ask while it lasts', async () => {
    const { runs, ask } = work()
    const answers = Promise.all(Array.from({ length: 10 }, ask))
    assert.equal(runs.length, 1)
    runs[0]?.resolve(7)
    assert.deepEqual(
      await answers,
      Array.from({ length: 10 }, () => 7),
    )
  })

  it('starts anew when the run has ended, well or not', async () => {
    const { runs, ask } = work()
    const failing = Promise.allSettled([ask(), ask()])
    runs[0]?.reject(new Error('no'))
    assert.deepEqual(
      (await failing).map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    const second = ask()
    assert.equal(runs.length, 2)
    runs[1]?.resolve(2)
    assert.equal(await second, 2)
    void ask()
    assert.equal(runs.length, 3)
  })
})
