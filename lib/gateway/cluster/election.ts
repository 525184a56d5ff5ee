import type { Disposable, Logger } from '../../contract.ts'
import { SerialQueue } from '../../core/serial-queue.ts'
import { instant } from '../../core/time/lease-clock.ts'
import type { ClusterLease, LeaderCandidate, LeaderRecord } from '../../repo/cluster.ts'
import { HeldLease } from './held-lease.ts'

const HEARTBEAT_MS = 5000
/** After a failure. */
const RETRY_MS = 1000
/** Behind the end of the lease of another. */
const BEHIND_MS = 100

export interface ElectionOptions {
  readonly lease: ClusterLease
  readonly candidate: LeaderCandidate
  readonly log: Logger
}

export interface ElectionEvents {
  /** This process leads. */
  elected(): void
  /** It leads no longer: another one does, or the database did not answer in time. */
  deposed(): void
  /** There is another leader, or it accepts calls from now on, or no longer. */
  changed(): Promise<void>
}

/** The part of this process in the election of the leader: renews its lease, or waits for the end of that of another. */
export class Election implements Disposable {
  readonly #options: ElectionOptions
  readonly #events: ElectionEvents
  readonly #queue = new SerialQueue()
  #leader: LeaderRecord | undefined
  #held: HeldLease | undefined
  /** The epoch of the lease that is to be given back. */
  #epoch: number | undefined
  #stands = false
  #isAsked = false
  #isClosed = false
  #next: NodeJS.Timeout | undefined
  #expiry: NodeJS.Timeout | undefined

  constructor(options: ElectionOptions, events: ElectionEvents) {
    this.#options = options
    this.#events = events
  }

  /** As last seen. */
  get leader(): LeaderRecord | undefined {
    return this.#leader
  }

  /** While this process leads. */
  get lease(): HeldLease | undefined {
    return this.#held
  }

  campaign(): void {
    this.#stands = true
    this.check()
  }

  /** Notes whether this process accepts calls as the leader. */
  serve(serves: boolean): void {
    const epoch = this.#held?.epoch
    if (epoch === undefined) return
    void this.#queue.add(() => this.#options.lease.serve(epoch, serves)).catch((error: unknown) => this.#report(error))
    this.check()
  }

  /** Another process may lead once `after` resolves; this one does not stand any more. */
  release(after: Promise<void>): void {
    const epoch = this.#epoch
    this.#stands = false
    this.#forget()
    this.#epoch = undefined
    if (epoch === undefined) return
    const release = async () => {
      await after
      await this.#options.lease.release(epoch)
    }
    void this.#queue.add(release).catch((error: unknown) => this.#report(error))
    this.check()
  }

  /** Looks who leads; at once, if it is not doing so. */
  check(): void {
    if (this.#isAsked || this.#isClosed) return
    this.#isAsked = true
    clearTimeout(this.#next)
    void this.#queue.add(() => this.#check())
  }

  /** Resolves when what was asked for is done. */
  async dispose(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#next)
    clearTimeout(this.#expiry)
    await this.#queue.idle()
  }

  async #check(): Promise<void> {
    this.#isAsked = false
    let wait = RETRY_MS
    try {
      if (this.#held) await this.#renew(this.#held)
      else if (this.#stands && !this.#isClosed) await this.#stand()
      wait = await this.#look()
    } catch (error) {
      this.#report(error)
    }
    if (this.#isClosed || this.#isAsked) return
    this.#next = setTimeout(() => this.check(), wait)
  }

  async #stand(): Promise<void> {
    const { lease, candidate } = this.#options
    const from = instant()
    const epoch = await lease.take(candidate)
    if (epoch === undefined) return
    if (!this.#stands || this.#isClosed) return lease.release(epoch)
    this.#held = new HeldLease(epoch, from)
    this.#epoch = epoch
    this.#watch(this.#held)
    this.#events.elected()
  }

  async #renew(held: HeldLease): Promise<void> {
    const from = instant()
    const isRenewed = await this.#options.lease.renew(held.epoch)
    if (this.#held !== held) return
    if (!isRenewed) return this.#lose('another node leads')
    if (held.remaining() <= 0) return this.#lose('its lease has ended')
    held.extend(from)
    this.#watch(held)
  }

  /** @returns when to look again, in milliseconds */
  async #look(): Promise<number> {
    const leader = await this.#options.lease.leader()
    const last = this.#leader
    this.#leader = leader
    if (leader.epoch !== last?.epoch || leader.process !== last.process || leader.serves !== last.serves)
      await this.#events.changed()
    if (this.#held || !this.#stands) return HEARTBEAT_MS
    return Math.min(HEARTBEAT_MS, Math.max(leader.remainingMs, 0) + BEHIND_MS)
  }

  #watch(held: HeldLease): void {
    clearTimeout(this.#expiry)
    this.#expiry = setTimeout(() => {
      if (this.#held !== held) return
      if (held.remaining() > 0) this.#watch(held)
      else this.#lose('its lease has ended')
    }, held.remaining() + 1)
  }

  #lose(reason: string): void {
    this.#options.log.warn({}, `this node no longer runs reconciliations and schedules: ${reason}`)
    this.#stands = false
    this.#forget()
    this.#events.deposed()
  }

  #forget(): void {
    clearTimeout(this.#expiry)
    this.#held?.end()
    this.#held = undefined
  }

  #report(error: unknown): void {
    this.#options.log.debug({ err: error }, 'the database cannot be asked who runs reconciliations and schedules')
  }
}
