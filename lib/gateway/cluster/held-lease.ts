import { type Instant, LeaseClock } from '../../core/time/lease-clock.ts'
import { serviceUnavailable } from '../../crest/errors.ts'
import { LEASE_MS } from '../../repo/cluster.ts'
import type { Fence } from '../../repo/repository.ts'

/** The lease ends for its holder so much earlier than for the others, in milliseconds. */
const MARGIN_MS = 3000

/** The lease of the leader, as its process knows it. */
export class HeldLease extends LeaseClock implements Fence {
  readonly epoch: number

  /** @param from when it was asked for */
  constructor(epoch: number, from: Instant) {
    super(LEASE_MS - MARGIN_MS, from)
    this.epoch = epoch
  }

  assertHeld(): void {
    if (this.remaining() <= 0) throw serviceUnavailable('This node no longer runs reconciliations and schedules')
  }
}
