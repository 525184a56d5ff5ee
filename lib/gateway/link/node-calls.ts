import { NodeLost } from '../../sync/context/run-nodes.ts'
import type { NodeMessageFromWorker, NodeMessageToWorker } from './messages.ts'

/** Answers a call. Never rejects. @param signal aborts when the caller has ended, or cancels the call */
export type AnswerCall = (text: string, signal: AbortSignal) => Promise<string>

interface Pending {
  resolve(text: string): void
  reject(reason: unknown): void
}

/** Calls of workers by each other. */
export class NodeCalls {
  readonly #send: (message: NodeMessageFromWorker) => void
  readonly #pending = new Map<number, Pending>()
  readonly #serving = new Map<number, AbortController>()
  #answer: AnswerCall | undefined
  #lastId = 0

  constructor(send: (message: NodeMessageFromWorker) => void) {
    this.#send = send
  }

  /** Registers what answers the calls of others. Without it they are lost. */
  onCall(answer: AnswerCall | undefined): void {
    this.#answer = answer
  }

  /**
   * Has the worker of a node answer. An aborted call has an answer all the same.
   * @param node its number
   * @throws NodeLost when its process has ended, or does not take calls
   */
  call(node: number, text: string, signal: AbortSignal): Promise<string> {
    const id = ++this.#lastId
    const abort = () => this.#send({ type: 'abort', id })
    return new Promise<string>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      this.#send({ type: 'call', id, node, text })
      if (signal.aborted) abort()
      else signal.addEventListener('abort', abort, { once: true })
    }).finally(() => signal.removeEventListener('abort', abort))
  }

  receive(message: NodeMessageToWorker): void {
    if (message.type === 'call') void this.#serve(message.call, message.text)
    else if (message.type === 'abort') this.#serving.get(message.call)?.abort()
    else {
      const pending = this.#pending.get(message.id)
      this.#pending.delete(message.id)
      if (message.type === 'answer') pending?.resolve(message.text)
      else pending?.reject(new NodeLost())
    }
  }

  async #serve(call: number, text: string): Promise<void> {
    if (!this.#answer) return this.#send({ type: 'refuse', call })
    const gone = new AbortController()
    this.#serving.set(call, gone)
    const answer = await this.#answer(text, gone.signal)
    this.#serving.delete(call)
    this.#send({ type: 'answer', call, text: answer })
  }
}
