import type { FromWorker, Outcome, ToWorker, TurnRequest } from '../link/messages.ts'

/** A worker as the board sees it. */
export interface Member {
  send(message: ToWorker): void
}

interface Waiting {
  readonly member: Member
  readonly request: TurnRequest
}

interface Rescan {
  readonly asker: Member
  readonly id: number
  readonly missing: Set<Member>
}

/**
 * Where the workers of a gateway agree on who does what: turns, and looking at the configuration. Knows nothing of
 * processes, only of messages; a member that leaves holds nobody up.
 */
export class WorkersBoard {
  readonly #members = new Set<Member>()
  /** By key: who has the turn, and behind it who waits for it. */
  readonly #turns = new Map<string, Waiting[]>()
  readonly #rescans = new Map<number, Rescan>()
  #rescanCount = 0

  join(member: Member): void {
    this.#members.add(member)
  }

  leave(member: Member): void {
    this.#members.delete(member)
    for (const [key, queue] of this.#turns) this.#keep(key, queue, (waiting) => waiting.member !== member)
    for (const number of [...this.#rescans.keys()]) this.#rescanned(number, member)
  }

  receive(member: Member, message: FromWorker): void {
    if (message.type === 'turn') this.#enqueue({ member, request: message })
    else if (message.type === 'over') this.#over(member, message.id, message.outcome)
    else if (message.type === 'rescan') this.#rescan(member, message.id)
    else if (message.type === 'rescanned') this.#rescanned(message.id, member)
  }

  #enqueue(waiting: Waiting): void {
    const { key, id } = waiting.request
    const queue = this.#turns.get(key)
    if (queue) queue.push(waiting)
    else {
      this.#turns.set(key, [waiting])
      waiting.member.send({ type: 'go', id })
    }
  }

  #over(member: Member, id: number, outcome: Outcome | undefined): void {
    for (const [key, queue] of this.#turns) {
      const [first] = queue
      if (first?.member !== member || first.request.id !== id) continue
      const served = queue.slice(1).filter(({ request }) => outcome && request.kind === 'share')
      for (const { member, request } of served) {
        if (outcome) member.send({ type: 'outcome', id: request.id, outcome })
      }
      this.#keep(key, queue, (waiting) => waiting !== first && !served.includes(waiting))
      return
    }
  }

  /** Leaves those in the queue that `wanted` takes; a new first one has its turn. */
  #keep(key: string, queue: readonly Waiting[], wanted: (waiting: Waiting) => boolean): void {
    const left = queue.filter(wanted)
    if (left.length === 0) this.#turns.delete(key)
    else this.#turns.set(key, left)
    const [first] = left
    if (first && first !== queue[0]) first.member.send({ type: 'go', id: first.request.id })
  }

  #rescan(asker: Member, id: number): void {
    const missing = new Set([...this.#members].filter((member) => member !== asker))
    const number = ++this.#rescanCount
    this.#rescans.set(number, { asker, id, missing })
    for (const member of missing) member.send({ type: 'rescan', id: number })
    this.#settle(number)
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
