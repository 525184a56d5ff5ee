import { availableParallelism } from 'node:os'
import type { Logger } from '../contract.ts'
import { internalError, serviceUnavailable } from '../crest/errors.ts'
import type { ThreadMessage } from './protocol.ts'
import { compileQuickJs, type Engine } from './quickjs.ts'
import { type Answer, Run, type Task } from './run.ts'
import { RunQueue } from './run-queue.ts'
import { ScriptException } from './script-exception.ts'
import { Thread } from './thread.ts'

export interface PoolSize {
  /** How many scripts may compute at once. */
  readonly computing: number
  /** How many threads there may be: one for each script that computes or waits. */
  readonly threads: number
  /** How deep scripts may call scripts; there are at least as many threads. */
  readonly depth: number
  /** How many scripts may wait for a thread. */
  readonly queued: number
  /** A thread without work ends after this time. */
  readonly idleMs: number
}

export interface PoolOptions {
  readonly size: PoolSize
  readonly log: Logger
}

/** How often running scripts are looked at. */
const LOOK_MS = 20
/** How long a script may compute while others want to. */
const SLICE_MS = 20
/** How long a turn is left unused before one more thread is started. */
const HUNGER_MS = 5
/** A script ends itself when told to; one that has not by then is ended with its thread. */
const GRACE_MS = 500

/**
 * Threads for scripts. A script has a thread from its begin to its end, and computes while it has a turn: it gives the
 * turn back while it waits for a resource, and when others have waited for longer than a moment. Turns go to whoever
 * has waited longest.
 *
 * Nested scripts cannot dead-lock: a script at some depth is begun only when as many threads stay free as there are
 * depths below it. So the deepest one that waits for another script can always have it begun.
 */
export class Pool {
  readonly #log: Logger
  readonly #queue = new RunQueue()
  readonly #ready: Run[] = []
  readonly #computing = new Set<Run>()
  readonly #busy = new Map<Thread, Run>()
  /** The last one to come is the first one to go, so that others can end. */
  readonly #idle: { readonly thread: Thread; readonly since: number }[] = []
  readonly #ending = new Set<Promise<void>>()
  #size: PoolSize
  #engine: Promise<Engine> | undefined
  #starting: Thread | true | undefined
  #orders = 0
  #look: NodeJS.Timeout | undefined
  #shrink: NodeJS.Timeout | undefined
  #hunger: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  constructor({ size, log }: PoolOptions) {
    this.#size = size
    this.#log = log
  }

  /** All cores but one compute, so that whoever else is in the process keeps one. */
  static defaultSize(): PoolSize {
    return { computing: Math.max(1, availableParallelism() - 1), threads: 64, depth: 8, queued: 1000, idleMs: 30_000 }
  }

  /** Threads that are too many then end when they have been idle. */
  resize(size: PoolSize): void {
    this.#size = size
    this.#advance()
  }

  /** How many threads there are. */
  get threads(): number {
    return this.#busy.size + this.#idle.length + (this.#starting ? 1 : 0)
  }

  /** How many tasks are under way or wait. */
  get tasks(): number {
    return this.#busy.size + this.#queue.length
  }

  /** @throws ResourceException 503 when too many wait or the pool is closed, 500 when a limit ends it */
  async run(task: Task): Promise<Answer> {
    task.signal?.throwIfAborted()
    if (this.#closing) throw closed()
    if (this.#queue.length >= this.#size.queued) throw serviceUnavailable('Too many scripts wait to be run')
    const run = new Run(task)
    const cancel = () => this.#stop(run, task.signal?.reason)
    task.signal?.addEventListener('abort', cancel)
    try {
      run.order = this.#orders++
      this.#queue.push(run)
      this.#advance()
      return await run.result
    } finally {
      task.signal?.removeEventListener('abort', cancel)
    }
  }

  /** Ends all scripts and threads; resolves when nothing is left. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const run of this.#queue.clear()) run.fail(closed())
    for (const run of this.#busy.values()) this.#stop(run, closed())
    for (const thread of [...this.#busy.keys(), ...this.#idle.map(({ thread }) => thread)]) this.#end(thread)
    if (this.#starting instanceof Thread) this.#end(this.#starting)
    this.#busy.clear()
    this.#idle.length = 0
    this.#ready.length = 0
    this.#computing.clear()
    this.#starting = undefined
    clearInterval(this.#look)
    clearTimeout(this.#shrink)
    clearTimeout(this.#hunger)
    await this.#engine?.catch(() => undefined)
    await Promise.all(this.#ending)
  }

  /** Gives out turns until there are none left, or nobody who could use one. */
  #advance(): void {
    while (!this.#closing && this.#computing.size < this.#size.computing) {
      const next = this.#next()
      if (!next) break
      const now = performance.now()
      if (next.state === 'queued') this.#begin(next, now)
      else this.#resume(next, now)
    }
    this.#growIfNeeded()
    this.#watch()
  }

  #next(): Run | undefined {
    const [ready] = this.#ready
    const start = this.#startable()
    if (!start || this.#idle.length === 0) return ready
    return ready && ready.order < start.order ? ready : start
  }

  /**
   * Starts a thread where one is missing: at once when fewer compute than may, or when a script waits for this one;
   * else when a turn has been left unused for a while, because all threads wait for slow resources.
   */
  #growIfNeeded(): void {
    const start = this.#closing || this.#idle.length > 0 ? undefined : this.#startable()
    const isFree = this.#computing.size < this.#size.computing
    if (!start || !isFree) {
      clearTimeout(this.#hunger)
      this.#hunger = undefined
    } else if (this.threads < this.#size.computing || start.task.depth > 1) void this.#grow()
    else this.#hunger ??= setTimeout(() => void this.#grow(), HUNGER_MS)
  }

  #startable(): Run | undefined {
    const { threads, depth } = this.#size
    const left = Math.max(threads, depth) - this.#busy.size - 1
    return this.#queue.oldest((own) => left >= depth - own)
  }

  #begin(run: Run, now: number): void {
    const thread = this.#idle.pop()?.thread
    if (!thread) return
    this.#queue.remove(run)
    run.thread = thread
    run.beginTurn(now)
    this.#busy.set(thread, run)
    this.#computing.add(run)
    thread.start(run.task.job)
  }

  #resume(run: Run, now: number): void {
    this.#ready.shift()
    const { thread, reply } = run
    run.beginTurn(now)
    this.#computing.add(run)
    if (run.isStopped) thread?.askToStop()
    if (reply) thread?.reply(reply)
  }

  #pause(run: Run): void {
    this.#computing.delete(run)
    run.endTurn(performance.now(), 'waiting')
  }

  #makeReady(run: Run, reply: Run['reply']): void {
    run.reply = reply
    if (run.state === 'ready') return
    run.state = 'ready'
    run.order = this.#orders++
    this.#ready.push(run)
    this.#advance()
  }

  readonly #onMessage = (thread: Thread, message: ThreadMessage): void => {
    if (message.kind === 'idle') {
      this.#onIdle(thread, message.worn)
      return
    }
    const run = this.#busy.get(thread)
    if (!run) return
    if (message.kind === 'call') void this.#serve(run, message.name, message.args)
    else if (message.kind === 'log') run.task.tell(message.name, message.args)
    else if (message.kind === 'prepared') run.task.keep(message.context)
    else if (message.kind === 'done') {
      run.settle(message)
      if (message.idle) this.#onIdle(thread, message.worn)
    } else {
      this.#pause(run)
      // It will keep its thread for long: whoever waits needs another one.
      if (this.#idle.length === 0 && this.#startable()) void this.#grow()
      this.#makeReady(run, { kind: 'go' })
    }
  }

  async #serve(run: Run, name: string, args: string): Promise<void> {
    this.#pause(run)
    if (run.isStopped) {
      this.#makeReady(run, { kind: 'stop' })
      return
    }
    this.#advance()
    const reply = await run.task.serve(name, args, run.signal)
    // A run that was stopped meanwhile has its answer.
    if (run.state === 'waiting' && !this.#closing) this.#makeReady(run, reply)
  }

  #onIdle(thread: Thread, worn: boolean): void {
    const run = this.#busy.get(thread)
    if (this.#starting === thread) this.#starting = undefined
    if (run) this.#release(thread, run)
    if (worn) this.#end(thread)
    else {
      thread.rest()
      this.#idle.push({ thread, since: performance.now() })
      this.#shrink ??= setTimeout(() => this.#endIdle(), this.#size.idleMs).unref()
    }
    this.#advance()
  }

  #release(thread: Thread, run: Run): void {
    this.#busy.delete(thread)
    this.#computing.delete(run)
    const position = this.#ready.indexOf(run)
    if (position >= 0) this.#ready.splice(position, 1)
    if (!run.isSettled) run.fail(internalError('The script ended without an answer'))
  }

  readonly #onCrash = (thread: Thread, error: Error): void => {
    this.#log.error({ err: error }, 'a thread for scripts failed')
    const run = this.#busy.get(thread)
    if (run) {
      run.fail(internalError('The script broke its engine', { cause: error }))
      this.#release(thread, run)
    } else if (this.#starting === thread) this.#giveUp(error)
    else this.#forget(thread)
    this.#advance()
  }

  /** No thread can be started: nobody is left waiting for one. */
  #giveUp(error: unknown): void {
    this.#starting = undefined
    for (const run of this.#queue.clear()) run.fail(internalError('Scripts cannot be run', { cause: error }))
  }

  async #grow(): Promise<void> {
    const { threads, depth } = this.#size
    this.#hunger = undefined
    if (this.#starting || this.threads >= Math.max(threads, depth)) return
    this.#starting = true
    try {
      this.#engine ??= compileQuickJs()
      const engine = await this.#engine
      if (this.#closing) return
      this.#starting = new Thread({ engine, onMessage: this.#onMessage, onCrash: this.#onCrash })
    } catch (error) {
      this.#engine = undefined
      this.#log.error({ err: error }, 'the engine for scripts cannot be started')
      this.#giveUp(error)
    }
  }

  #endIdle(): void {
    this.#shrink = undefined
    const now = performance.now()
    const { idleMs } = this.#size
    // A timer may come a little early.
    while (this.#idle[0] && now - this.#idle[0].since >= idleMs - 1) this.#end(this.#idle.shift()?.thread)
    const [next] = this.#idle
    if (next) this.#shrink = setTimeout(() => this.#endIdle(), next.since + idleMs - now).unref()
  }

  #forget(thread: Thread): void {
    const position = this.#idle.findIndex((entry) => entry.thread === thread)
    if (position >= 0) this.#idle.splice(position, 1)
  }

  #end(thread: Thread | undefined): void {
    if (!thread) return
    const ended = thread.terminate().catch(() => undefined)
    this.#ending.add(ended)
    void ended.then(() => this.#ending.delete(ended))
  }

  /** Whoever waits for the run is told at once; its thread ends the script, or is ended. */
  #stop(run: Run, reason: unknown): void {
    if (run.isSettled || run.isStopped) return
    run.fail(reason)
    if (this.#queue.remove(run)) return
    run.stop()
    run.thread?.askToStop()
    if (run.state === 'waiting' || run.state === 'ready') this.#makeReady(run, { kind: 'stop' })
  }

  /** Looks after running scripts, as long as there are any. */
  #watch(): void {
    if (this.#busy.size > 0) this.#look ??= setInterval(() => this.#lookAfterAll(), LOOK_MS)
    else {
      clearInterval(this.#look)
      this.#look = undefined
    }
  }

  #lookAfterAll(): void {
    const now = performance.now()
    const others = this.#ready.length > 0 || this.#startable() !== undefined
    for (const run of [...this.#busy.values()]) {
      const { task, thread, state } = run
      if (run.wallMs(now) > task.wallMs) this.#stop(run, tooLong(task, `it took longer than ${task.wallMs} ms`))
      const allowed = run.isStopped ? 0 : task.computeMs
      if (state === 'computing' && run.computedMs(now) > allowed + GRACE_MS) this.#kill(run)
      else if (state === 'computing' && others && run.turnMs(now) > SLICE_MS) thread?.askToYield()
    }
  }

  #kill(run: Run): void {
    const { thread, task } = run
    if (!thread) return
    this.#stop(run, tooLong(task, `it computed longer than ${task.computeMs} ms`))
    this.#release(thread, run)
    this.#end(thread)
    this.#advance()
  }
}

const closed = () => serviceUnavailable('Scripts are not run any more: the gateway stops')

const tooLong = ({ job }: Task, sentence: string) =>
  new ScriptException('limit', 500, `The script ${job.code.name} was stopped: ${sentence}`)
