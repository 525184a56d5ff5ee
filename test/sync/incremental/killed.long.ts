import assert from 'node:assert/strict'
import { CrashStage } from '../crash/crash-stage.ts'
import { notesOf } from './incremental-stage.ts'

describe('the begin of the next run that asks only for what changed', function () {
  this.timeout(120_000)

  it('does not move with a run whose process is killed, and moves when that has been resumed', async () => {
    const incremental = { changedField: 'lastModified' }
    const stage = await CrashStage.start({ correlates: true, mapping: { incremental } }, 12)
    await stage.killAt('recon', 5)
    assert.equal(await stage.watermark(), undefined)
    const run = await stage.run('resume')
    assert.equal(await stage.watermark(), notesOf(run).readAt)
    assert.ok(Date.parse(String(notesOf(run).readAt)) <= Date.parse(String(run.started)) + 1000)
  })
})
