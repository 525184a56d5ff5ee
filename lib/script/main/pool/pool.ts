import type { Logger } from '../../../contract.ts'
import { internalError, serviceUnavailable } from '../../../crest/errors.ts'
import type { ThreadMessage } from '../../protocol.ts'
import { maxThreads, type PoolSize } from './pool-size.ts'
import { type Answer, type Call, Run, type Task } from './run.ts'
import { RunQueue } from './run-queue.ts'
import type { Thread } from './thread.ts'
import { Threads } from './threads.ts'
import { Watchdog } from './watchdog.ts'

/**
 * Threads for scripts. A script has a thread from start to end, and computes while it has a turn: it yields the turn while
 * it waits for a resource, and when others wait. Turns are given in FIFO order.
 *
 * Nested scripts cannot deadlock: a script at some depth is started only when as many threads remain free as there are
 * levels below it. So the script that the deepest one waits for can always be started.
 */
export class Pool {
  readonly #queue = new RunQueue()
  readonly #ready: Run[] = []
  readonly #computing = new Set<Run>()
  readonly #begun = new Map<Thread, Run>()
  readonly #threads: Threads
  readonly #watchdog: Watchdog
  #size: PoolSize
  #orders = 0
  #isClosed = false

  constructor({ size, log }: { readonly size: PoolSize; readonly log: Logger }) {
    this.#size = size
    this.#threads = new Threads({
      idleMs: () => this.#size.idleMs,
      maxThreads: () => maxThreads(this.#size),
      onMessage: (thread, message) => this.#onMessage(thread, message),
      onCrash: (thread, error) => this.#onCrash(thread, error),
      onFailure: (error) => this.#failAll(internalError('Scripts cannot be run', { cause: error })),
      log,
    })
    this.#watchdog = new Watchdog({
      runs: () => this.#begun.values(),
      areOthersWaiting: () => this.#ready.length > 0 || this.#startable() !== undefined,
      expire: (run) => this.#expire(run),
      stop: (run, reason) => this.#stop(run, reason),
      kill: (run) => this.#kill(run),
    })
  }

  /** Surplus threads end when they are idle. */
  resize(size: PoolSize): void {
    this.#size = size
    this.#advance()
  }

  /** The number of threads. */
  get threads(): number {
    return this.#threads.count
  }

  /** The number of running and waiting tasks. */
  get tasks(): number {
    return this.#begun.size + this.#queue.length
  }

  /** @throws ResourceException 503 when too many tasks wait or the pool is closed, 500 when a limit is exceeded */
  async run(task: Task): Promise<Answer> {
    task.signal?.throwIfAborted()
    if (this.#isClosed) throw closed()
    if (this.#queue.length >= this.#size.queued) throw serviceUnavailable('Too many scripts are waiting')
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

  /** Ends all scripts and threads; resolves when they have ended. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#failAll(closed())
    for (const run of this.#begun.values()) this.#stop(run, closed())
    this.#watchdog.stop()
    await this.#threads.close()
    this.#begun.clear()
    this.#computing.clear()
    this.#ready.length = 0
  }

  /** Rejects all runs in the queue. */
  #failAll(error: unknown): void {
    for (const run of this.#queue.clear()) run.fail(error)
  }

  /** Gives turns to runs as long as there are both. */
  #advance(): void {
    while (!this.#isClosed && this.#computing.size < this.#size.computing) {
      const next = this.#next()
      if (!next) break
      const now = performance.now()
      if (next.state === 'queued') this.#begin(next, now)
      else this.#resume(next, now)
    }
    if (this.#isClosed) return
    this.#growIfNeeded()
    if (this.#begun.size > 0) this.#watchdog.start()
    else this.#watchdog.stop()
  }

  #next(): Run | undefined {
    const [ready] = this.#ready
    const start = this.#startable()
    if (!start || !this.#threads.hasIdle) return ready
    return ready && ready.order < start.order ? ready : start
  }

  /**
   * Starts a thread where one is needed: at once when there are fewer threads than turns, or when a script waits for this
   * one; else when a turn has been unused for a while, because all threads wait for slow resources.
   */
  #growIfNeeded(): void {
    const start = this.#threads.hasIdle ? undefined : this.#startable()
    const isFree = this.#computing.size < this.#size.computing
    if (!start || !isFree) this.#threads.stopGrowing()
    else if (this.threads < this.#size.computing || start.task.depth > 1) this.#threads.growNow()
    else this.#threads.growSoon()
  }

  #startable(): Run | undefined {
    const left = maxThreads(this.#size) - this.#begun.size - 1
    return this.#queue.oldest((own) => left >= this.#size.depth - own)
  }

  #begin(run: Run, now: number): void {
    const thread = this.#threads.take()
    if (!thread) return
    this.#queue.remove(run)
    run.thread = thread
    run.beginTurn(now)
    this.#begun.set(thread, run)
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

  #onMessage(thread: Thread, message: ThreadMessage): void {
    if (message.kind === 'idle') {
      this.#onIdle(thread, message.worn)
      return
    }
    const run = this.#begun.get(thread)
    if (!run) return
    if (message.kind === 'call') void this.#serve(run, message)
    else if (message.kind === 'log') run.task.tell(message.name, message.args)
    else if (message.kind === 'outcomes') run.add(message.outcomes)
    else if (message.kind === 'prepared') run.task.keep(message.context)
    else if (message.kind === 'done') {
      run.settle(message)
      if (message.idle) this.#onIdle(thread, message.worn)
    } else this.#onYield(run)
  }

  /** The run will occupy its thread for long: a waiting run needs another one. */
  #onYield(run: Run): void {
    this.#pause(run)
    if (!this.#threads.hasIdle && this.#startable()) this.#threads.growNow()
    this.#makeReady(run, { kind: 'go' })
  }

  async #serve(run: Run, call: Call): Promise<void> {
    this.#pause(run)
    if (run.isStopped) {
      this.#makeReady(run, { kind: 'stop' })
      return
    }
    this.#advance()
    const { signal } = run
    const reply = await run.task.serve(call, signal)
    // A run that was stopped or expired meanwhile has its answer already.
    if (!signal.aborted && !this.#isClosed) this.#makeReady(run, reply)
  }

  #onIdle(thread: Thread, worn: boolean): void {
    const run = this.#begun.get(thread)
    if (run) this.#release(thread, run)
    if (worn) this.#threads.end(thread)
    else this.#threads.giveBack(thread)
    this.#advance()
  }

  #release(thread: Thread, run: Run): void {
    this.#begun.delete(thread)
    this.#computing.delete(run)
    const position = this.#ready.indexOf(run)
    if (position >= 0) this.#ready.splice(position, 1)
    if (!run.isSettled) run.fail(internalError('The script ended without an answer'))
  }

  #onCrash(thread: Thread, error: Error): void {
    const run = this.#begun.get(thread)
    run?.fail(internalError('The script broke its engine', { cause: error }))
    if (run) this.#release(thread, run)
    this.#advance()
  }

  /** Rejects the result at once; the thread ends the script, or is ended. */
  #stop(run: Run, reason: unknown): void {
    if (run.isSettled || run.isStopped) return
    run.fail(reason)
    if (this.#queue.remove(run)) return
    run.stop()
    run.thread?.askToStop()
    if (run.state === 'waiting' || run.state === 'ready') this.#makeReady(run, { kind: 'stop' })
  }

  #expire(run: Run): void {
    if (run.isStopped) return
    run.abandon()
    this.#makeReady(run, { kind: 'expired' })
  }

  #kill(run: Run): void {
    const { thread } = run
    if (!thread) return
    this.#release(thread, run)
    this.#threads.end(thread)
    this.#advance()
  }
}

const closed = () => serviceUnavailable('No scripts are run: the gateway is stopping')
