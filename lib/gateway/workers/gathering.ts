import type { Json } from '../../contract.ts'
import type { Gather, Topic, ToWorker } from '../link/messages.ts'

/** A worker as the coordinator sees it. */
export interface Member {
  send(message: ToWorker): void
}

/** Max wait for the parts of workers: Prometheus times out after 10 seconds by default; people wait for the nodes. */
const MAX_WAIT_MS: Readonly<Record<Topic, number>> = { metrics: 5000, node: 2000 }

interface Round {
  readonly asker: Member
  readonly id: number
  readonly missing: Set<Member>
  readonly parts: Json[]
  readonly timer: NodeJS.Timeout
}

/** Gathers a part of each worker for one that asks. A worker that leaves or is late is left out. */
export class Gathering {
  readonly #rounds = new Map<number, Round>()
  #count = 0

  /** @param request its `id` is for the answer, the rest for the others */
  begin(asker: Member, request: Gather, others: Iterable<Member>): void {
    const { id, topic } = request
    const number = ++this.#count
    const timer = setTimeout(() => this.#end(number), MAX_WAIT_MS[topic]).unref()
    const round = { asker, id, missing: new Set(others), parts: [], timer }
    this.#rounds.set(number, round)
    for (const member of round.missing) member.send({ ...request, id: number })
    if (round.missing.size === 0) this.#end(number)
  }

  receive(member: Member, number: number, part: Json): void {
    const round = this.#rounds.get(number)
    if (!round?.missing.delete(member)) return
    if (part !== null) round.parts.push(part)
    if (round.missing.size === 0) this.#end(number)
  }

  leave(member: Member): void {
    for (const number of [...this.#rounds.keys()]) this.receive(member, number, null)
  }

  #end(number: number): void {
    const round = this.#rounds.get(number)
    if (!round) return
    clearTimeout(round.timer)
    this.#rounds.delete(number)
    round.asker.send({ type: 'gathered', id: round.id, parts: round.parts })
  }
}
