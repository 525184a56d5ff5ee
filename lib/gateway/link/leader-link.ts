import { leaderMissing } from './leader-call.ts'
import type { LeaderMessageFromWorker, LeaderMessageToWorker } from './messages.ts'

/** Max wait of a call until a leader accepts it. */
const MAX_WAIT_MS = 10_000
/** Characters of an answer in one message, so that a long one does not block the primary process. */
const MAX_PART = 256 * 1024

/** Sends a message; calls `written` when it is on its way. */
export type SendToPrimary = (message: LeaderMessageFromWorker, written?: () => void) => void

/** What a worker does when it leads. */
export interface LeaderRole {
  /** This worker is the leader: starts what it runs for all. */
  lead(): void
  /** Another one leads, or may do so by now: stops what it runs for all. */
  deposed(): void
  /** A leader serves: this worker or another. */
  led(): void
  /** Answers a call. Never rejects. */
  answer(text: string, signal: AbortSignal): Promise<string>
}

interface Pending {
  readonly parts: string[]
  readonly timer: NodeJS.Timeout
  resolve(text: string): void
  reject(reason: unknown): void
}

/** A worker's link to the leader, and to its callers while it leads. */
export class LeaderLink {
  readonly #send: SendToPrimary
  readonly #pending = new Map<number, Pending>()
  readonly #serving = new Map<number, { readonly gone: AbortController; readonly served: Promise<void> }>()
  #role: LeaderRole | undefined
  #lastId = 0

  constructor(send: SendToPrimary) {
    this.#send = send
  }

  /** Stands for election: `role` leads when there is no other leader. */
  campaign(role: LeaderRole): void {
    this.#role = role
    this.#send({ type: 'campaign' })
  }

  /** Calls arrive from now on. */
  leading(): void {
    this.#send({ type: 'leading' })
  }

  /** Calls no longer arrive. */
  resign(): void {
    this.#send({ type: 'resign' })
  }

  /** Another worker may lead. Resolves when all received calls are answered. */
  async resigned(): Promise<void> {
    while (this.#serving.size > 0) await Promise.all([...this.#serving.values()].map(({ served }) => served))
    this.#send({ type: 'resigned' })
  }

  /**
   * Has the leader answer.
   * @param signal ends the call in the leader, too
   * @param waits whether an aborted call still has an answer
   * @throws ResourceException 503 when no leader accepts the call in time, or it ends before it has answered; the reason of
   *   `signal` when that aborts and the call does not wait
   */
  call(text: string, signal?: AbortSignal, waits = false): Promise<string> {
    signal?.throwIfAborted()
    const id = ++this.#lastId
    return new Promise<string>((resolve, reject) => {
      const abort = () => this.#send({ type: 'abort', id })
      const onAbort = () => {
        abort()
        if (!waits) this.#settle(id)?.reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        abort()
        this.#settle(id)?.reject(leaderMissing())
      }, MAX_WAIT_MS)
      const end = () => signal?.removeEventListener('abort', onAbort)
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#pending.set(id, {
        parts: [],
        timer,
        resolve: (answer) => {
          end()
          resolve(answer)
        },
        reject: (reason) => {
          end()
          reject(reason)
        },
      })
      this.#send({ type: 'call', id, text })
    })
  }

  receive(message: LeaderMessageToWorker): void {
    switch (message.type) {
      case 'lead':
        this.#role?.lead()
        break
      case 'deposed':
        this.#role?.deposed()
        break
      case 'led':
        this.#role?.led()
        break
      case 'call':
        this.#serve(message.call, message.text)
        break
      case 'abort':
        this.#serving.get(message.call)?.gone.abort()
        break
      case 'accepted':
        clearTimeout(this.#pending.get(message.id)?.timer)
        break
      case 'part':
        this.#pending.get(message.id)?.parts.push(message.text)
        break
      case 'answer': {
        const pending = this.#settle(message.id)
        pending?.resolve(pending.parts.join('') + message.text)
        break
      }
      case 'lost':
        this.#settle(message.id)?.reject(leaderMissing())
    }
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    clearTimeout(pending?.timer)
    this.#pending.delete(id)
    return pending
  }

  #serve(call: number, text: string): void {
    const gone = new AbortController()
    const served = this.#answer(call, text, gone.signal).finally(() => this.#serving.delete(call))
    this.#serving.set(call, { gone, served })
  }

  async #answer(call: number, text: string, signal: AbortSignal): Promise<void> {
    const answer = (await this.#role?.answer(text, signal)) ?? ''
    let start = 0
    for (; answer.length - start > MAX_PART; start += MAX_PART)
      await this.#write({ type: 'part', call, text: answer.slice(start, start + MAX_PART) })
    await this.#write({ type: 'answer', call, text: answer.slice(start) })
  }

  #write(message: LeaderMessageFromWorker): Promise<void> {
    return new Promise((resolve) => this.#send(message, resolve))
  }
}
