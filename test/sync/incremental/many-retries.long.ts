import assert from 'node:assert/strict'
import type { JsonObject } from '../../../lib/contract.ts'
import { MAPPING } from '../fake-stage.ts'
import { incrementalStage, notesOf } from './incremental-stage.ts'

describe('sources that failed', function () {
  this.timeout(60_000)

  it('may be too many: then the next run begins where this one did', async () => {
    const stage = await incrementalStage({ mapping: { correlationQuery: [] } }, [])
    const count = 10_001
    for (let index = 0; index < count; index++) stage.add(`u${index}`, { sn: 'x' })
    // Nothing is written, and everything fails.
    await stage.configure([
      {
        ...MAPPING,
        incremental: { changedField: 'lastModified' },
        policies: [{ situation: 'ABSENT', action: 'EXCEPTION' }],
      },
    ])
    const run = await stage.recon()
    assert.equal((run.statusSummary as JsonObject).FAILURE, count)
    assert.match(String((run.warnings as string[])[0]), /More than 10000 sources have failed/)
    assert.equal(notesOf(run).watermark, undefined)
    assert.match(await stage.refused(), /^409 No full/)
  })
})
