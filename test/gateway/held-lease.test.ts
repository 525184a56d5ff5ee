import assert from 'node:assert/strict'
import { HeldLease } from '../../lib/gateway/cluster/held-lease.ts'
import { LEASE_MS } from '../../lib/repo/cluster.ts'

describe('HeldLease', () => {
  const at = (monotonic: number, wall = monotonic) => ({ monotonic, wall })

  it('ends earlier for its holder than for others, and is extended from when that was asked for', () => {
    const lease = new HeldLease(1, at(0))
    assert.equal(lease.remaining(at(0)), LEASE_MS - 3000)
    assert.equal(lease.remaining(at(LEASE_MS - 3000)), 0)
    lease.extend(at(5000))
    assert.equal(lease.remaining(at(6000)), LEASE_MS - 4000)
  })

  it('ends by whichever clock went further: a machine slept, or its clock was set', () => {
    const lease = new HeldLease(1, at(0))
    assert.ok(lease.remaining(at(10, 60_000)) < 0)
    assert.ok(lease.remaining(at(60_000, 10)) < 0)
  })

  it('that was ended lets nothing begin', () => {
    const lease = new HeldLease(1, at(performance.now(), Date.now()))
    lease.assertHeld()
    lease.end()
    assert.throws(() => lease.assertHeld(), { code: 503 })
  })
})
