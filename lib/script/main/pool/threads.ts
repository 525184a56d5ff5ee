import type { Logger } from '../../../contract.ts'
import type { ThreadMessage } from '../../protocol.ts'
import { compileQuickJs, type Engine } from '../../quickjs.ts'
import { Thread } from './thread.ts'

export interface ThreadsOptions {
  /** A thread without work ends after this time. */
  readonly idleMs: () => number
  readonly onMessage: (thread: Thread, message: ThreadMessage) => void
  /** A thread ended without being told to. */
  readonly onCrash: (thread: Thread, error: Error) => void
  /** No thread can be started. */
  readonly onFailure: (error: unknown) => void
  readonly log: Logger
}

/** The threads of a pool: started one after the other, kept for a while when nobody needs them, ended. */
export class Threads {
  readonly #options: ThreadsOptions
  readonly #busy = new Set<Thread>()
  /** The last one to come is the first one to go, so that others can end. */
  readonly #idle: { readonly thread: Thread; readonly since: number }[] = []
  readonly #ending = new Set<Promise<void>>()
  #engine: Promise<Engine> | undefined
  /** At most one at a time: starting takes a core. */
  #starting: Thread | 'engine' | undefined
  #shrink: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: ThreadsOptions) {
    this.#options = options
  }

  /** Those that start included. */
  get count(): number {
    return this.#busy.size + this.#idle.length + (this.#starting ? 1 : 0)
  }

  get isOneIdle(): boolean {
    return this.#idle.length > 0
  }

  /** One that is idle, for the caller alone. */
  take(): Thread | undefined {
    const thread = this.#idle.pop()?.thread
    if (thread) this.#busy.add(thread)
    return thread
  }

  /** It waits for work, for the first time or again. */
  giveBack(thread: Thread): void {
    if (this.#starting === thread) this.#starting = undefined
    this.#busy.delete(thread)
    thread.rest()
    this.#idle.push({ thread, since: performance.now() })
    this.#shrink ??= setTimeout(() => this.#endIdle(), this.#options.idleMs()).unref()
  }

  /** Begins to start one more, unless one is being started; it comes with its first message. */
  async grow(): Promise<void> {
    if (this.#starting) return
    this.#starting = 'engine'
    try {
      this.#engine ??= compileQuickJs()
      const engine = await this.#engine
      if (this.#closed) return
      const { onMessage } = this.#options
      this.#starting = new Thread({ engine, onMessage, onCrash: (...args) => this.#onCrash(...args) })
    } catch (error) {
      this.#engine = undefined
      this.#starting = undefined
      this.#options.log.error({ err: error }, 'the engine for scripts cannot be started')
      this.#options.onFailure(error)
    }
  }

  /** Ends a thread, whatever it does. */
  end(thread: Thread | undefined): void {
    if (!thread) return
    this.#forget(thread)
    const ended = thread.terminate().catch(() => undefined)
    this.#ending.add(ended)
    void ended.then(() => this.#ending.delete(ended))
  }

  /** Ends all; resolves when none is left. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#shrink)
    await this.#engine?.catch(() => undefined)
    for (const thread of [...this.#busy, ...this.#idle.map(({ thread }) => thread)]) this.end(thread)
    if (this.#starting instanceof Thread) this.end(this.#starting)
    await Promise.all(this.#ending)
    this.#starting = undefined
  }

  #onCrash(thread: Thread, error: Error): void {
    this.#options.log.error({ err: error }, 'a thread for scripts failed')
    const neverCame = this.#starting === thread
    this.#forget(thread)
    if (neverCame) this.#options.onFailure(error)
    else this.#options.onCrash(thread, error)
  }

  #forget(thread: Thread): void {
    if (this.#starting === thread) this.#starting = undefined
    this.#busy.delete(thread)
    const position = this.#idle.findIndex((entry) => entry.thread === thread)
    if (position >= 0) this.#idle.splice(position, 1)
  }

  #endIdle(): void {
    this.#shrink = undefined
    const now = performance.now()
    const idleMs = this.#options.idleMs()
    // A timer may come a little early.
    while (this.#idle[0] && now - this.#idle[0].since >= idleMs - 1) this.end(this.#idle[0].thread)
    const [next] = this.#idle
    if (next) this.#shrink = setTimeout(() => this.#endIdle(), next.since + idleMs - now).unref()
  }
}
