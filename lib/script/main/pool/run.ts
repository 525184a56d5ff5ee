import type { Limits } from '../../limits.ts'
import type { Job, Outcome, PreparedContext, Reply, ThreadMessage } from '../../protocol.ts'
import type { Thread } from './thread.ts'

/** What a script asks for. */
export type Call = Extract<ThreadMessage, { kind: 'call' }>

/** What the pool is to do. */
export interface Task {
  readonly job: Job
  /** 1 for a script that no script called. */
  readonly depth: number
  readonly limits: Limits
  readonly signal: AbortSignal | undefined
  /** Serves a call of the script, which waits for it. Does not reject. `signal` aborts when the script is stopped. */
  serve(call: Call, signal: AbortSignal): Promise<Reply>
  /** Takes what the script has to say and waits for no answer to. */
  tell(name: string, args: string): void
  /** Takes a context for the next run. */
  keep(context: PreparedContext): void
}

export interface Answer {
  readonly outcomes: readonly Outcome[]
  /** The modules that the script used. */
  readonly modules: readonly string[]
}

/**
 * - `queued`: has no thread yet
 * - `computing`: has a turn
 * - `waiting`: for a reply, or for nothing any more once it was stopped
 * - `ready`: has the reply, waits for a turn
 */
type State = 'queued' | 'computing' | 'waiting' | 'ready'

/** One task on its way through the pool. */
export class Run {
  readonly task: Task
  readonly #result = Promise.withResolvers<Answer>()
  readonly #outcomes: Outcome[] = []
  #abort = new AbortController()
  state: State = 'queued'
  /** Whose turn it is: the lower one's. */
  order = 0
  thread: Thread | undefined
  /** What it gets with its next turn. */
  reply: Reply | undefined
  /** When its present item began. */
  #since = 0
  #turnSince = 0
  #computedMs = 0
  #progress = 0
  #stopped = false
  #settled = false

  constructor(task: Task) {
    this.task = task
    // Whoever asked may be gone by then.
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

  /** The first ones of its outcomes, or the next. */
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

  /** It was told to end: what it waits for is not needed any more. */
  stop(): void {
    this.#stopped = true
    this.#computedMs = 0
    this.#turnSince = performance.now()
    this.#abort.abort()
  }

  /** What its present item waits for is not needed any more. */
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

  /** How long it has its turn. */
  turnMs(now: number): number {
    return now - this.#turnSince
  }

  /** From the begin of the present item. */
  wallMs(now: number): number {
    this.#follow(now)
    return this.thread ? now - this.#since : 0
  }

  /** Computing time of the present item. */
  computedMs(now: number): number {
    this.#follow(now)
    return this.#computedMs + (this.state === 'computing' ? this.turnMs(now) : 0)
  }

  /** Notices that another item has begun: what is measured is measured anew. */
  #follow(now: number): void {
    const progress = this.thread?.progress ?? 0
    if (progress === this.#progress) return
    this.#progress = progress
    this.#computedMs = 0
    this.#since = now
    this.#turnSince = now
  }
}
