import assert from 'node:assert/strict'
import { until } from '../../helpers/until.ts'
import { startPair } from './shared-pair.ts'
import { SlowCollection } from './slow-collection.ts'

const OBJECTS = 300
const MAPPING = {
  name: 'm',
  source: 'a',
  target: 'b',
  properties: ['userName', 'mail'].map((field) => ({ source: field, target: field })),
}

describe('changes of sources whose rows another process carries out', () => {
  it('wait for their rows: each source has one target, in its last state', async () => {
    const [source, target] = [new SlowCollection(0), new SlowCollection(10)]
    const { connection, started, tasks } = await startPair([MAPPING], { a: source, b: target })
    const contentOf = (index: number, mail: string) => ({ userName: `u${index}`, mail })
    for (let index = 0; index < OBJECTS; index++) await connection.create('a', `s${index}`, contentOf(index, 'old'))
    const params = { mapping: 'm', waitForCompletion: true }
    const ended = connection.action('recon', 'recon', null, params)
    // The other process has a window, and both are stopped while they create the first of theirs.
    await until(() => target.created.size > 0)
    await until(() => tasks() > 1)
    const { promise, resolve: open } = Promise.withResolvers<void>()
    target.gate = promise
    const change = async (index: number) => {
      const resourceId = `s${index}`
      const oldObject = await connection.read(`a/${resourceId}`)
      const newObject = await connection.update(`a/${resourceId}`, null, contentOf(index, 'new'))
      const change = { collection: 'a', resourceId, action: 'update', oldObject, newObject } as const
      return started.live.synchronize(change, {})
    }
    // Time enough to create targets a second time.
    setTimeout(open, 1500)
    const results = await Promise.all(Array.from({ length: OBJECTS }, (_, index) => change(index)))
    const { _id } = (await ended) as { _id: string }
    assert.deepEqual(
      results.filter(({ success, syncDetails }) => !success || syncDetails.length !== 1),
      [],
    )
    const run = await connection.read(`recon/${_id}`)
    const byNode = (run?.sourceProcessedByNode ?? {}) as Record<string, number>
    assert.ok((byNode.two ?? 0) > 0, JSON.stringify(run))
    assert.equal(run?.state, 'SUCCESS', JSON.stringify(run))
    const { result } = await connection.query('b', { _queryFilter: 'true' })
    assert.equal(result.length, OBJECTS)
    assert.deepEqual(
      result.filter(({ mail }) => mail !== 'new'),
      [],
    )
    assert.equal(target.created.size, OBJECTS)
  })
})
