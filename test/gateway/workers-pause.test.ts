import assert from 'node:assert/strict'
import { RestartPause } from '../../lib/gateway/workers/pause.ts'

const HOUR_MS = 3_600_000

describe('RestartPause', () => {
  it('grows with each worker in a row that dies young, up to half a minute', () => {
    const pause = new RestartPause()
    const pauses = Array.from({ length: 12 }, () => pause.next(0))
    assert.deepEqual(pauses.slice(0, 4), [100, 200, 400, 800])
    assert.deepEqual(pauses.slice(-3), [30_000, 30_000, 30_000])
  })

  it('begins anew after one that lived', () => {
    const pause = new RestartPause()
    for (let n = 0; n < 8; n++) pause.next(1000)
    assert.deepEqual([pause.next(HOUR_MS), pause.next(0)], [100, 200])
  })
})
