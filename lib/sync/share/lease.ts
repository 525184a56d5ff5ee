import { guarded } from '../../core/guarded.ts'
import { instant, LeaseClock } from '../../core/time/lease-clock.ts'
import { serviceUnavailable } from '../../crest/errors.ts'
import { LEASE_MS, type RunParticipants } from '../../repo/runs/run-participants.ts'
import type { RunServices } from '../context/run-context.ts'

const RENEWAL_MS = LEASE_MS / 10

const WRITES = ['create', 'update', 'patch', 'delete', 'action'] as const

/** What carries out rows. */
export type GuardedServices = Pick<RunServices, 'connection' | 'scripts' | 'replay'>

/** The lease of a participant, as it sees it itself. */
export class Lease {
  readonly #participants: RunParticipants
  readonly #ticket: number
  readonly #ended = new AbortController()
  readonly #timer: NodeJS.Timeout
  #clock: LeaseClock | undefined

  private constructor(participants: RunParticipants, ticket: number) {
    this.#participants = participants
    this.#ticket = ticket
    this.#timer = setInterval(() => void this.#renew(), RENEWAL_MS)
  }

  /** @throws ResourceException when the participation has ended already */
  static async take(participants: RunParticipants, ticket: number): Promise<Lease> {
    const lease = new Lease(participants, ticket)
    await lease.#renew()
    lease.#check()
    return lease
  }

  /** Aborts when it ends. */
  get signal(): AbortSignal {
    return this.#ended.signal
  }

  /**
   * Requests that write are sent, and scripts begin, only while the lease lasts: a process that was stopped meanwhile does
   * nothing more. A script that runs goes on.
   */
  guard({ connection, scripts, replay }: GuardedServices): GuardedServices {
    const check = () => this.#check()
    return {
      connection: guarded(connection, check, WRITES),
      scripts: guarded(scripts, check, ['runMany']),
      replay: async (write) => {
        check()
        return replay(write)
      },
    }
  }

  /** Gives it back: the rows that it was for are not written any more. */
  async end(): Promise<void> {
    this.#stop()
    await this.#participants.end(this.#ticket)
  }

  async #renew(): Promise<void> {
    const from = instant()
    const isRenewed = await this.#participants.renew(this.#ticket).catch(() => (this.#lasts ? undefined : false))
    if (isRenewed) {
      if (this.#clock) this.#clock.extend(from)
      else this.#clock = new LeaseClock(LEASE_MS, from)
    } else if (isRenewed === false) this.#stop()
  }

  get #lasts(): boolean {
    return this.#clock !== undefined && this.#clock.remaining() > 0
  }

  /** @throws the reason of `signal` when the lease is over */
  #check(): void {
    if (!this.#lasts) this.#stop()
    this.#ended.signal.throwIfAborted()
  }

  #stop(): void {
    clearInterval(this.#timer)
    this.#ended.abort(new LeaseEnded())
  }
}

/** Not an error of the row that is carried out: what it has begun is settled by its intent. */
class LeaseEnded extends Error {
  constructor() {
    super('This node no longer takes part in the reconciliation', { cause: serviceUnavailable('The lease is over') })
  }
}
