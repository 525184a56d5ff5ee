import type { LeaderMessageFromWorker, LeaderMessageToWorker } from '../link/messages.ts'

/** A worker as the relay sees it. */
export interface Candidate {
  send(message: LeaderMessageToWorker): void
}

interface Call {
  readonly caller: Candidate
  readonly id: number
  readonly text: string
  /** Absent while the call waits for a leader. */
  leader?: Candidate
}

/**
 * Elects the leader among the workers and relays calls to it. There is at most one: the next is elected when the
 * leader has resigned or its process has ended. Calls wait while there is none; their callers limit the wait.
 */
export class LeaderRelay {
  /** In the order in which they lead. The first one is the leader. */
  #candidates: readonly Candidate[] = []
  /** The leader while it accepts calls. */
  #serving: Candidate | undefined
  readonly #calls = new Map<number, Call>()
  #count = 0
  #isClosed = false

  /** Whether it is the leader, and accepts calls. */
  leads(worker: Candidate | undefined): boolean {
    return worker !== undefined && worker === this.#serving
  }

  receive(from: Candidate, message: LeaderMessageFromWorker): void {
    switch (message.type) {
      case 'campaign':
        this.#campaign(from)
        break
      case 'leading':
        this.#lead(from)
        break
      case 'resign':
        if (from === this.#serving) this.#serving = undefined
        break
      case 'resigned':
        this.leave(from, false)
        break
      case 'call':
        this.#call({ caller: from, ...message })
        break
      case 'abort':
        this.#abort(from, message.id)
        break
      default:
        this.#answer(from, message)
    }
  }

  /** Removes a candidate; the calls that it has not answered are lost. @param hasEnded whether its own calls are aborted */
  leave(worker: Candidate, hasEnded = true): void {
    if (worker === this.#serving) this.#serving = undefined
    const [first] = this.#candidates
    this.#candidates = this.#candidates.filter((candidate) => candidate !== worker)
    if (hasEnded) this.#abort(worker)
    for (const [number, call] of this.#calls) if (call.leader === worker) this.#lose(number, call)
    if (worker === first) this.#elect()
  }

  /** Elects no further leader: the gateway is stopping. Calls that wait for one are lost. */
  close(): void {
    this.#isClosed = true
    if (!this.#serving) for (const [number, call] of this.#calls) if (!call.leader) this.#lose(number, call)
  }

  #campaign(candidate: Candidate): void {
    this.#candidates = [...this.#candidates, candidate]
    if (this.#serving) candidate.send({ type: 'led' })
    if (this.#candidates.length === 1) this.#elect()
  }

  #elect(): void {
    if (!this.#isClosed) this.#candidates[0]?.send({ type: 'lead' })
  }

  #lead(leader: Candidate): void {
    if (leader !== this.#candidates[0]) return
    this.#serving = leader
    for (const candidate of this.#candidates) candidate.send({ type: 'led' })
    for (const [number, call] of this.#calls) if (!call.leader) this.#pass(number, call, leader)
  }

  #call(call: Call): void {
    const number = ++this.#count
    this.#calls.set(number, call)
    if (this.#serving) this.#pass(number, call, this.#serving)
    else if (this.#isClosed) this.#lose(number, call)
  }

  #pass(number: number, call: Call, leader: Candidate): void {
    call.leader = leader
    leader.send({ type: 'call', call: number, text: call.text })
    call.caller.send({ type: 'accepted', id: call.id })
  }

  /** @param id of one call; default: all calls of a caller whose process has ended */
  #abort(caller: Candidate, id?: number): void {
    for (const [number, call] of this.#calls) {
      if (call.caller !== caller || (id !== undefined && call.id !== id)) continue
      call.leader?.send({ type: 'abort', call: number })
      if (id === undefined) this.#calls.delete(number)
      else if (!call.leader) this.#lose(number, call)
    }
  }

  #answer(
    from: Candidate,
    { type, call: number, text }: { type: 'part' | 'answer'; call: number; text: string },
  ): void {
    const call = this.#calls.get(number)
    if (call?.leader !== from) return
    if (type === 'answer') this.#calls.delete(number)
    call.caller.send({ type, id: call.id, text })
  }

  #lose(number: number, { caller, id }: Call): void {
    this.#calls.delete(number)
    caller.send({ type: 'lost', id })
  }
}
