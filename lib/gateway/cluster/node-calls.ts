import type { Disposable } from '../../contract.ts'
import { NodeLost } from '../../sync/context/run-nodes.ts'

/** What processes tell each other about calls of each other. `id` is the caller's number of the call. */
export type NodeMessage =
  | { readonly type: 'call' | 'answer'; readonly id: number; readonly text: string }
  | { readonly type: 'abort'; readonly id: number }
  /** Are these calls still being answered? */
  | { readonly type: 'ask'; readonly ids: readonly number[] }
  /** There is no answer to the call: the process takes no calls, or the call or its answer was lost on the way. */
  | { readonly type: 'lost'; readonly id: number }

/** Answers a call. Never rejects. @param signal aborts when the caller cancels the call */
export type AnswerCall = (text: string, signal: AbortSignal) => Promise<string>

/** Sends a message to a process; messages to one process arrive in their order, or not at all. */
type Post = (process: string, message: NodeMessage) => void

interface Pending {
  readonly process: string
  resolve(text: string): void
  reject(reason: unknown): void
}

/** Calls of processes by each other. */
export class NodeCalls implements Disposable {
  readonly #post: Post
  readonly #pending = new Map<number, Pending>()
  /** By caller and number. */
  readonly #serving = new Map<string, AbortController>()
  #answer: AnswerCall | undefined
  #lastId = 0

  constructor(post: Post) {
    this.#post = post
  }

  /** Registers what answers the calls of others. Without it they are lost. */
  onCall(answer: AnswerCall | undefined): void {
    this.#answer = answer
  }

  /**
   * Has another process answer. An aborted call has an answer all the same.
   * @throws NodeLost
   */
  call(process: string, text: string, signal: AbortSignal): Promise<string> {
    const id = ++this.#lastId
    const abort = () => this.#post(process, { type: 'abort', id })
    return new Promise<string>((resolve, reject) => {
      this.#pending.set(id, { process, resolve, reject })
      this.#post(process, { type: 'call', id, text })
      if (signal.aborted) abort()
      else signal.addEventListener('abort', abort, { once: true })
    }).finally(() => signal.removeEventListener('abort', abort))
  }

  receive(sender: string, message: NodeMessage): void {
    switch (message.type) {
      case 'call':
        void this.#serve(sender, message.id, message.text)
        break
      case 'abort':
        this.#serving.get(placeOf(sender, message.id))?.abort()
        break
      case 'ask':
        for (const id of message.ids)
          if (!this.#serving.has(placeOf(sender, id))) this.#post(sender, { type: 'lost', id })
        break
      case 'answer':
        this.#settle(message.id)?.resolve(message.text)
        break
      case 'lost':
        this.#settle(message.id)?.reject(new NodeLost(false))
    }
  }

  /** Looks for calls that were lost on their way, or whose answers were. */
  ask(): void {
    const open = Map.groupBy(this.#pending, ([, { process }]) => process)
    for (const [process, calls] of open) this.#post(process, { type: 'ask', ids: calls.map(([id]) => id) })
  }

  /** A process has certainly ended. */
  ended(process: string): void {
    for (const [id, pending] of this.#pending) if (pending.process === process) this.#settle(id)?.reject(new NodeLost())
  }

  async dispose(): Promise<void> {
    for (const id of this.#pending.keys()) this.#settle(id)?.reject(new NodeLost(false))
    for (const serving of this.#serving.values()) serving.abort()
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    return pending
  }

  async #serve(caller: string, id: number, text: string): Promise<void> {
    if (!this.#answer) return this.#post(caller, { type: 'lost', id })
    const gone = new AbortController()
    this.#serving.set(placeOf(caller, id), gone)
    const answer = await this.#answer(text, gone.signal)
    this.#post(caller, { type: 'answer', id, text: answer })
    this.#serving.delete(placeOf(caller, id))
  }
}

const placeOf = (caller: string, id: number): string => `${caller}/${id}`
