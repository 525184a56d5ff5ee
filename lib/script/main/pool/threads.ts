import type { Logger } from '../../../contract.ts'
import type { ThreadMessage } from '../../protocol.ts'
import { compileQuickJs, type Engine } from '../../quickjs.ts'
import { Thread } from './thread.ts'

/** How long a turn stays unused before another thread is started. */
const GROW_DELAY_MS = 5

export interface ThreadsOptions {
  readonly maxThreads: () => number
  /** An idle thread ends after this time. */
  readonly idleMs: () => number
  readonly onMessage: (thread: Thread, message: ThreadMessage) => void
  /** Called when a thread ends unexpectedly. */
  readonly onCrash: (thread: Thread, error: Error) => void
  /** Called when no thread can be started. */
  readonly onFailure: (error: unknown) => void
  readonly log: Logger
}

/** The threads of a pool: started one at a time, and ended when they have been idle for a while. */
export class Threads {
  readonly #options: ThreadsOptions
  readonly #busy = new Set<Thread>()
  /** Used as a stack, so that the others can time out. */
  readonly #idle: { readonly thread: Thread; readonly since: number }[] = []
  readonly #ending = new Set<Promise<void>>()
  #engine: Promise<Engine> | undefined
  /** At most one at a time, since starting occupies a core. */
  #starting: Thread | 'engine' | undefined
  #shrink: NodeJS.Timeout | undefined
  #grow: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: ThreadsOptions) {
    this.#options = options
  }

  /** With those that are starting. */
  get count(): number {
    return this.#busy.size + this.#idle.length + (this.#starting ? 1 : 0)
  }

  get hasIdle(): boolean {
    return this.#idle.length > 0
  }

  /** Takes an idle thread, if there is one. */
  take(): Thread | undefined {
    const thread = this.#idle.pop()?.thread
    if (thread) this.#busy.add(thread)
    return thread
  }

  /** Marks a new or used thread as idle. */
  giveBack(thread: Thread): void {
    if (this.#starting === thread) this.#starting = undefined
    this.#busy.delete(thread)
    thread.rest()
    this.#idle.push({ thread, since: performance.now() })
    this.#shrink ??= setTimeout(() => this.#endIdle(), this.#options.idleMs()).unref()
  }

  /** Starts another thread if this is not revoked for a while. */
  growSoon(): void {
    this.#grow ??= setTimeout(() => this.growNow(), GROW_DELAY_MS)
  }

  /** Revokes `growSoon`. */
  stopGrowing(): void {
    clearTimeout(this.#grow)
    this.#grow = undefined
  }

  /** Starts another thread, unless one is starting or there are too many. It is available with its first message. */
  growNow(): void {
    this.stopGrowing()
    if (!this.#starting && this.count < this.#options.maxThreads()) void this.#start()
  }

  async #start(): Promise<void> {
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
      this.#options.log.error({ err: error }, 'the script engine cannot be started')
      this.#options.onFailure(error)
    }
  }

  /** Ends a thread unconditionally. */
  end(thread: Thread | undefined): void {
    if (!thread) return
    this.#forget(thread)
    const ended = thread.terminate().catch(() => undefined)
    this.#ending.add(ended)
    void ended.then(() => this.#ending.delete(ended))
  }

  /** Ends all threads; resolves when they have ended. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#shrink)
    this.stopGrowing()
    await this.#engine?.catch(() => undefined)
    for (const thread of [...this.#busy, ...this.#idle.map(({ thread }) => thread)]) this.end(thread)
    if (this.#starting instanceof Thread) this.end(this.#starting)
    await Promise.all(this.#ending)
    this.#starting = undefined
  }

  #onCrash(thread: Thread, error: Error): void {
    this.#options.log.error({ err: error }, 'a script thread failed')
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
    // Timers may fire a little early.
    while (this.#idle[0] && now - this.#idle[0].since >= idleMs - 1) this.end(this.#idle[0].thread)
    const [next] = this.#idle
    if (next) this.#shrink = setTimeout(() => this.#endIdle(), next.since + idleMs - now).unref()
  }
}
