import { serviceUnavailable } from '../../crest/errors.ts'
import { LEASE_MS } from '../../repo/cluster.ts'
import type { Fence } from '../../repo/repository.ts'

/** The lease ends for its holder so much earlier than for the others, in milliseconds. */
const MARGIN_MS = 3000

/** The instant by both clocks: the monotonic one may stop while the machine sleeps, the other one may be set. */
export interface Instant {
  readonly monotonic: number
  readonly wall: number
}

export const instant = (): Instant => ({ monotonic: performance.now(), wall: Date.now() })

/** The lease of the leader, as its process knows it. */
export class HeldLease implements Fence {
  readonly epoch: number
  #from: Instant
  #hasEnded = false

  /** @param from when it was asked for: the server has granted it later */
  constructor(epoch: number, from: Instant) {
    this.epoch = epoch
    this.#from = from
  }

  /** In milliseconds; not positive when it has ended. */
  remaining(now = instant()): number {
    if (this.#hasEnded) return 0
    const passed = Math.max(now.monotonic - this.#from.monotonic, now.wall - this.#from.wall)
    return LEASE_MS - MARGIN_MS - passed
  }

  /** It was renewed. One that has ended stays so: its holder has been told to stop. */
  extend(from: Instant): void {
    this.#from = from
  }

  end(): void {
    this.#hasEnded = true
  }

  assertHeld(): void {
    if (this.remaining() <= 0) throw serviceUnavailable('This node no longer runs reconciliations and schedules')
  }
}
