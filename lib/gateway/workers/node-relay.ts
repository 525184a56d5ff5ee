import type { NodeMessageFromWorker, NodeMessageToWorker } from '../link/messages.ts'

/** A worker as the relay sees it. */
interface Party {
  send(message: { readonly type: 'node'; readonly message: NodeMessageToWorker }): void
}

interface Call {
  readonly caller: Party
  readonly id: number
  readonly callee: Party
}

/** Relays calls between workers, by the numbers of their nodes. Those of a worker that has ended are lost, or aborted. */
export class NodeRelay {
  readonly #partyOf: (node: number) => Party | undefined
  readonly #calls = new Map<number, Call>()
  #count = 0

  /** @param partyOf the worker that serves as a node */
  constructor(partyOf: (node: number) => Party | undefined) {
    this.#partyOf = partyOf
  }

  receive(from: Party, message: NodeMessageFromWorker): void {
    if (message.type === 'call') this.#call(from, message.id, message.node, message.text)
    else if (message.type === 'abort') {
      const called = [...this.#calls].find(([, { caller, id }]) => caller === from && id === message.id)
      if (called) tell(called[1].callee, { type: 'abort', call: called[0] })
    } else {
      const call = this.#calls.get(message.call)
      if (call?.callee !== from) return
      this.#calls.delete(message.call)
      if (message.type === 'answer') tell(call.caller, { type: 'answer', id: call.id, text: message.text })
      else tell(call.caller, { type: 'lost', id: call.id })
    }
  }

  /** The process of a worker has ended. */
  leave(party: Party): void {
    for (const [number, { caller, callee, id }] of this.#calls) {
      if (caller !== party && callee !== party) continue
      this.#calls.delete(number)
      if (callee === party) tell(caller, { type: 'lost', id })
      else tell(callee, { type: 'abort', call: number })
    }
  }

  #call(caller: Party, id: number, node: number, text: string): void {
    const callee = this.#partyOf(node)
    if (!callee) tell(caller, { type: 'lost', id })
    else {
      const call = ++this.#count
      this.#calls.set(call, { caller, id, callee })
      tell(callee, { type: 'call', call, text })
    }
  }
}

const tell = (party: Party, message: NodeMessageToWorker): void => party.send({ type: 'node', message })
