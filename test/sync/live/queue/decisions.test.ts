import assert from 'node:assert/strict'
import {
  attemptOf,
  isSpent,
  probeDelay,
  remainingRetries,
  retryDelay,
} from '../../../../lib/sync/live/queue/decisions.ts'

const failed = (code: number, retryAfterMs?: number) => ({
  result: 'FAILED' as const,
  cause: { code, reason: '', message: '', ...(retryAfterMs !== undefined && { retryAfterMs }) },
})
const DONE = { result: 'SUCCESSFUL' as const }

describe('what became of a queued change', () => {
  for (const [verdict, codes] of [
    ['busy', [429, 503]],
    ['unreachable', [401, 408, 502, 504]],
    ['failed', [400, 403, 404, 409, 412, 500, 501]],
  ] as const)
    for (const code of codes)
      it(`${code}: ${verdict}`, () => assert.equal(attemptOf([DONE, failed(code)]).verdict, verdict))

  it('is done without failures, and without anything to do', () => {
    assert.deepEqual([attemptOf([DONE]).verdict, attemptOf([]).verdict], ['done', 'done'])
  })

  it('is the worst of its link qualifiers', () => {
    assert.equal(attemptOf([failed(400), failed(503, 7), failed(502)]).cause?.retryAfterMs, 7)
    assert.equal(attemptOf([failed(400), DONE, failed(502)]).verdict, 'unreachable')
  })
})

describe('the delays of queued changes', () => {
  it('double with each attempt, up to an hour, and are spread', () => {
    assert.deepEqual(
      [0, 1, 2, 10, 30].map((attempts) => retryDelay(attempts, 1000, 0)),
      [1000, 2000, 4000, 1_024_000, 3_600_000],
    )
    assert.deepEqual([retryDelay(0, 1000, 1), retryDelay(5, 0, 1)], [1200, 0])
  })

  it('of a target grow up to a minute, and are never shorter than it asks for', () => {
    assert.deepEqual(
      [1, 2, 3, 20].map((failures) => probeDelay(failures, 1000, 0)),
      [1000, 2000, 4000, 60_000],
    )
    assert.deepEqual([probeDelay(1, 0, 0), probeDelay(1, 0, 0, 5000), probeDelay(1, 0, 1, 1e9)], [100, 5000, 4_320_000])
  })

  it('end with the retries', () => {
    const cases = [
      [0, 0, true, 0],
      [0, 1, false, 1],
      [1, 1, true, 0],
      [7, 5, true, 0],
      [99, -1, false, -1],
    ] as const
    for (const [attempts, max, spent, left] of cases)
      assert.deepEqual([isSpent(attempts, max), remainingRetries(attempts, max)], [spent, left])
  })
})
