import assert from 'node:assert/strict'
import { RestartBackoff } from '../../lib/gateway/workers/restart-backoff.ts'

const HOUR_MS = 3_600_000

describe('RestartBackoff', () => {
  it('grows with each worker in a row that dies young, up to half a minute', () => {
    const backoff = new RestartBackoff()
    const delays = Array.from({ length: 12 }, () => backoff.next(0))
    assert.deepEqual(delays.slice(0, 4), [100, 200, 400, 800])
    assert.deepEqual(delays.slice(-3), [30_000, 30_000, 30_000])
  })

  it('begins anew after one that lived', () => {
    const backoff = new RestartBackoff()
    for (let n = 0; n < 8; n++) backoff.next(1000)
    assert.deepEqual([backoff.next(HOUR_MS), backoff.next(0)], [100, 200])
  })
})
