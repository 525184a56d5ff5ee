import type { FromWorker, LeaderMessageFromWorker, LockRequest, Outcome } from '../link/messages.ts'
import { Gathering, type Member } from './gathering.ts'
import { type Candidate, LeaderRelay } from './leader-relay.ts'

export type { Member }

interface Acquisition {
  readonly member: Member
  readonly request: LockRequest
}

interface Rescan {
  readonly asker: Member
  readonly id: number
  readonly missing: Set<Member>
}

/**
 * Coordinates the workers of a gateway: locks, configuration rescans, and the leader. Exchanges messages only and does
 * not depend on processes; a member that leaves releases its locks.
 */
export class WorkerCoordinator {
  /** With their entries in the leader relay. */
  readonly #members = new Map<Member, Candidate>()
  readonly #leader = new LeaderRelay()
  /** Lock holder followed by waiting requests, by key. */
  readonly #locks = new Map<string, Acquisition[]>()
  readonly #rescans = new Map<number, Rescan>()
  readonly #gathering = new Gathering()
  #rescanCount = 0

  join(member: Member): void {
    this.#members.set(member, { send: (message) => member.send({ type: 'leader', message }) })
  }

  /** @param member whose process, `pid`, has ended */
  leave(member: Member, pid?: number): void {
    const candidate = this.#members.get(member)
    this.#members.delete(member)
    if (candidate) this.#leader.leave(candidate)
    this.#gathering.leave(member)
    for (const [key, queue] of this.#locks) this.#keep(key, queue, (waiting) => waiting.member !== member)
    for (const number of [...this.#rescans.keys()]) this.#rescanned(number, member)
    if (pid !== undefined) for (const other of this.#members.keys()) other.send({ type: 'left', pid })
  }

  /** Whether it is the leader, and accepts calls. */
  leads(member: Member): boolean {
    return this.#leader.leads(this.#members.get(member))
  }

  receive(member: Member, message: FromWorker): void {
    if (message.type === 'acquire') this.#enqueue({ member, request: message })
    else if (message.type === 'release') this.#release(member, message.id, message.outcome)
    else if (message.type === 'rescan') this.#rescan(member, message.id)
    else if (message.type === 'rescanned') this.#rescanned(message.id, member)
    else if (message.type === 'gather') this.#gathering.begin(member, message, this.#membersExcept(member))
    else if (message.type === 'part') this.#gathering.receive(member, message.id, message.part)
    else if (message.type === 'leader') this.#receiveOfLeader(member, message.message)
  }

  /** Elects no further leader: the gateway is stopping. */
  close(): void {
    this.#leader.close()
  }

  #receiveOfLeader(member: Member, message: LeaderMessageFromWorker): void {
    const candidate = this.#members.get(member)
    if (candidate) this.#leader.receive(candidate, message)
  }

  #enqueue(waiting: Acquisition): void {
    const { key, id } = waiting.request
    const queue = this.#locks.get(key)
    if (queue) queue.push(waiting)
    else {
      this.#locks.set(key, [waiting])
      waiting.member.send({ type: 'acquired', id })
    }
  }

  #release(member: Member, id: number, outcome: Outcome | undefined): void {
    for (const [key, queue] of this.#locks) {
      const [first] = queue
      if (first?.member !== member || first.request.id !== id) continue
      const served = queue.slice(1).filter(({ request }) => outcome && request.kind === 'shared')
      for (const { member, request } of served) {
        if (outcome) member.send({ type: 'outcome', id: request.id, outcome })
      }
      this.#keep(key, queue, (waiting) => waiting !== first && !served.includes(waiting))
      return
    }
  }

  /** Keeps the matching requests in the queue and grants the lock to a new first one. */
  #keep(key: string, queue: readonly Acquisition[], matches: (waiting: Acquisition) => boolean): void {
    const left = queue.filter(matches)
    if (left.length === 0) this.#locks.delete(key)
    else this.#locks.set(key, left)
    const [first] = left
    if (first && first !== queue[0]) first.member.send({ type: 'acquired', id: first.request.id })
  }

  #rescan(asker: Member, id: number): void {
    const missing = new Set(this.#membersExcept(asker))
    const number = ++this.#rescanCount
    this.#rescans.set(number, { asker, id, missing })
    for (const member of missing) member.send({ type: 'rescan', id: number })
    this.#settle(number)
  }

  #membersExcept(one: Member): Member[] {
    return [...this.#members.keys()].filter((member) => member !== one)
  }

  #rescanned(number: number, member: Member): void {
    this.#rescans.get(number)?.missing.delete(member)
    this.#settle(number)
  }

  #settle(number: number): void {
    const rescan = this.#rescans.get(number)
    if (!rescan || rescan.missing.size > 0) return
    this.#rescans.delete(number)
    if (this.#members.has(rescan.asker)) rescan.asker.send({ type: 'rescanned', id: rescan.id })
  }
}
