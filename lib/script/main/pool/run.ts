import type { Limits } from '../../limits.ts'
import type { Job, Outcome, PreparedContext, Reply, ThreadMessage } from '../../protocol.ts'
import type { Thread } from './thread.ts'

/** A call of a script. */
export type Call = Extract<ThreadMessage, { kind: 'call' }>

/** A job for the pool. */
export interface Task {
  readonly job: Job
  /** 1 for a script that was not called by a script. */
  readonly depth: number
  readonly limits: Limits
  readonly signal: AbortSignal | undefined
  /** Serves a call of the waiting script. Never rejects. @param signal aborts when the script is stopped */
  serve(call: Call, signal: AbortSignal): Promise<Reply>
  /** Receives output, for which the script does not wait. */
  tell(name: string, args: string): void
  /** Receives a context for the next run. */
  keep(context: PreparedContext): void
}

export interface Answer {
  readonly outcomes: readonly Outcome[]
  /** The modules that the script used. */
  readonly modules: readonly string[]
}

/**
 * - `queued`: waits for a thread
 * - `computing`: has a turn
 * - `waiting`: waits for a reply, or has been stopped
 * - `ready`: has its reply, and waits for a turn
 */
type State = 'queued' | 'computing' | 'waiting' | 'ready'

/** One task in the pool. */
export class Run {
  readonly task: Task
  readonly #result = Promise.withResolvers<Answer>()
  readonly #outcomes: Outcome[] = []
  #abort = new AbortController()
  state: State = 'queued'
  /** The run with the lowest number has the next turn. */
  order = 0
  thread: Thread | undefined
  /** Sent to the thread with the next turn. */
  reply: Reply | undefined
  /** When its current item started. */
  #since = 0
  #turnSince = 0
  #computedMs = 0
  #progress = 0
  #stopped = false
  #settled = false

  constructor(task: Task) {
    this.task = task
    // The caller may not wait any longer.
    this.#result.promise.catch(() => undefined)
  }

  get result(): Promise<Answer> {
    return this.#result.promise
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get isStopped(): boolean {
    return this.#stopped
  }

  get isSettled(): boolean {
    return this.#settled
  }

  /** Adds outcomes. */
  add(outcomes: readonly Outcome[]): void {
    this.#outcomes.push(...outcomes)
  }

  settle({ outcomes, modules }: Answer): void {
    this.#settled = true
    this.#result.resolve({ outcomes: [...this.#outcomes, ...outcomes], modules })
  }

  fail(error: unknown): void {
    this.#settled = true
    this.#result.reject(error)
  }

  /** Marks it as stopped, and aborts the call that it waits for. */
  stop(): void {
    this.#stopped = true
    this.#computedMs = 0
    this.#turnSince = performance.now()
    this.#abort.abort()
  }

  /** Aborts the call that the current item waits for. */
  abandon(): void {
    this.#abort.abort()
    this.#abort = new AbortController()
  }

  beginTurn(now: number): void {
    if (this.state === 'queued') this.#since = now
    this.state = 'computing'
    this.#turnSince = now
  }

  endTurn(now: number, state: State): void {
    this.#computedMs += now - this.#turnSince
    this.state = state
  }

  /** Milliseconds since the start of its turn. */
  turnMs(now: number): number {
    return now - this.#turnSince
  }

  /** Milliseconds since the start of the current item. */
  wallMs(now: number): number {
    this.#follow(now)
    return this.thread ? now - this.#since : 0
  }

  /** Computing time of the current item in milliseconds. */
  computedMs(now: number): number {
    this.#follow(now)
    return this.#computedMs + (this.state === 'computing' ? this.turnMs(now) : 0)
  }

  /** Restarts the measurement when another item has started. */
  #follow(now: number): void {
    const progress = this.thread?.progress ?? 0
    if (progress === this.#progress) return
    this.#progress = progress
    this.#computedMs = 0
    this.#since = now
    this.#turnSince = now
  }
}
