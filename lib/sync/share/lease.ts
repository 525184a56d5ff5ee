import { serviceUnavailable } from '../../crest/errors.ts'
import type { Connection } from '../../crest/protocol/connection.ts'
import { LEASE_MS, type RunParticipants } from '../../repo/runs/run-participants.ts'

const RENEWAL_MS = LEASE_MS / 10

const WRITES: ReadonlySet<PropertyKey> = new Set(['create', 'update', 'patch', 'delete', 'action'])

/** The lease of a participant, as it sees it itself. */
export class Lease {
  readonly #participants: RunParticipants
  readonly #ticket: number
  readonly #ended = new AbortController()
  readonly #timer: NodeJS.Timeout
  #until = 0

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

  /** Requests that write are sent only while the lease lasts: a process that was stopped meanwhile sends none. */
  guard(connection: Connection): Connection {
    return new Proxy(connection, {
      get: (target, name) => {
        const member = Reflect.get(target, name, target) as unknown
        if (typeof member !== 'function') return member
        if (!WRITES.has(name)) return member.bind(target)
        return async (...given: unknown[]) => {
          this.#check()
          return member.apply(target, given)
        }
      },
    })
  }

  /** Gives it back: the rows that it was for are not written any more. */
  async end(): Promise<void> {
    this.#stop()
    await this.#participants.end(this.#ticket)
  }

  async #renew(): Promise<void> {
    const begin = performance.now()
    const isRenewed = await this.#participants.renew(this.#ticket).catch(() => begin < this.#until && undefined)
    if (isRenewed) this.#until = begin + LEASE_MS
    else if (isRenewed === false) this.#stop()
  }

  /** @throws the reason of `signal` when the lease is over */
  #check(): void {
    if (performance.now() >= this.#until) this.#stop()
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
