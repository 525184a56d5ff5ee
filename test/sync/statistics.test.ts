import assert from 'node:assert/strict'
import { Statistics } from '../../lib/sync/statistics.ts'

describe('the statistics of a run', () => {
  it('always show the statuses of IDM, and the others when they occur', () => {
    const statistics = new Statistics()
    assert.deepEqual(statistics.statusSummary, { SUCCESS: 0, FAILURE: 0 })
    for (const status of ['UNKNOWN', 'SKIPPED', 'SKIPPED'] as const) statistics.status(status)
    assert.deepEqual(statistics.statusSummary, { SUCCESS: 0, FAILURE: 0, SKIPPED: 2, UNKNOWN: 1 })
  })
})
