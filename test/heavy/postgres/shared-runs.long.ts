import assert from 'node:assert/strict'
import { assertOnce, startSharedStage, sumOf } from './shared-stage.ts'

const OBJECTS = 3000

describe('a run that two workers share', () => {
  it('creates every object once, and reports who has processed how many', async () => {
    const stage = await startSharedStage({ objects: OBJECTS, ms: 5 })
    const run = await stage.ended(await stage.start())
    assert.equal(run.state, 'SUCCESS', JSON.stringify(run))
    await assertOnce(stage, OBJECTS)
    const byNode = run.sourceProcessedByNode
    assert.deepEqual(Object.keys(byNode).sort(), ['node1-1', 'node1-2'], JSON.stringify(run))
    assert.ok(Object.values(byNode).every((count) => count > 100), JSON.stringify(byNode))
    assert.equal(sumOf(run), OBJECTS)
    assert.deepEqual(run.statusSummary, { SUCCESS: OBJECTS, FAILURE: 0 })
    const { source, target, links } = run.progress as Record<string, Record<string, unknown>>
    assert.deepEqual([source?.existing, target?.created, links?.created], [
      { processed: OBJECTS, total: String(OBJECTS) },
      OBJECTS,
      OBJECTS,
    ])
  })
})
