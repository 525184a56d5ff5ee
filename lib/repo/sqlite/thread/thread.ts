// Named, it would be a syntax error in Node 20, before that is told which Node it takes.
import nodeModule from 'node:module'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { errorOf } from './failure.ts'
import type { Abort, Answer, Call, Notice, Reply, WorkerData } from './protocol.ts'
import { pack, unpack } from './rows.ts'

/** TypeScript in the checkout, JavaScript in the package: whatever this file is. */
const WORKER = new URL(`../worker/worker${extname(import.meta.url)}`, import.meta.url)
/** Rows live for one message, and a page of them should not outlive a collection of the young generation. */
const YOUNG_MB = 32
/** How long the thread stays without a database. */
const IDLE_MS = 5000

/** A database that the thread serves, seen from outside. */
export interface Client {
  readonly onNotice: (notice: string) => void
  /** The thread has ended although the database is in use. */
  readonly onCrash: (error: Error) => void
}

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

/**
 * The thread that SQLite runs in, shared by all databases of the process (a gateway has one). It keeps the process alive
 * only while something waits for it, and ends when it has had no database for a while.
 */
export class DatabaseThread {
  static #current: DatabaseThread | undefined
  readonly #worker: Worker
  readonly #clients = new Map<number, Client>()
  readonly #waiting = new Map<number, Waiting>()
  #unsent: (Call | Abort)[] = []
  #lastId = 0
  #crash: Error | undefined
  #idle: NodeJS.Timeout | undefined

  private constructor() {
    const workerData: WorkerData = { compileCache: nodeModule.getCompileCacheDir() }
    this.#worker = new Worker(WORKER, {
      name: 'database',
      workerData,
      env: {},
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    })
    this.#worker.on('message', (reply: Reply) => this.#receive(reply))
    this.#worker.on('error', (error) => this.#end(error as Error))
    this.#worker.on('exit', (code) => this.#end(new Error(`the thread ended with ${code}`)))
    // Only now: a listener for messages keeps the process alive again.
    this.#worker.unref()
    this.#endWhenIdle()
  }

  /** The thread of this process, started when there is none. */
  static get current(): DatabaseThread {
    DatabaseThread.#current ??= new DatabaseThread()
    return DatabaseThread.#current
  }

  /** @returns the number by which calls name the database */
  attach(client: Client): number {
    clearTimeout(this.#idle)
    this.#lastId += 1
    this.#clients.set(this.#lastId, client)
    return this.#lastId
  }

  detach(database: number): void {
    this.#clients.delete(database)
    if (this.#clients.size === 0) this.#endWhenIdle()
  }

  /**
   * Calls a method of a store. An AbortSignal as the last argument rejects the call and ends its work. Calls of one turn
   * leave in one message, and begin in their order.
   */
  call(database: number, store: string, method: string, args: readonly unknown[]): Promise<unknown> {
    const signal = args.at(-1)
    const isAbortable = signal instanceof AbortSignal
    if (isAbortable && signal.aborted) return Promise.reject(signal.reason)
    if (this.#crash) return Promise.reject(this.#crash)
    this.#lastId += 1
    const id = this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    if (this.#waiting.size === 0) this.#worker.ref()
    this.#waiting.set(id, { resolve, reject })
    const packed = (isAbortable ? args.slice(0, -1) : args).map(pack)
    this.#send({ id, database, store, method, args: packed, isAbortable })
    if (!isAbortable) return promise
    const abort = () => {
      this.#settle(id)?.reject(signal.reason)
      this.#send({ abort: id })
    }
    signal.addEventListener('abort', abort, { once: true })
    return promise.finally(() => signal.removeEventListener('abort', abort))
  }

  #send(message: Call | Abort): void {
    this.#unsent.push(message)
    if (this.#unsent.length > 1) return
    process.nextTick(() => {
      const messages = this.#unsent
      this.#unsent = []
      this.#worker.postMessage(messages)
    })
  }

  #receive(reply: Reply): void {
    for (const message of reply) {
      if ('notice' in message) this.#notice(message)
      else this.#answer(message)
    }
  }

  #notice({ database, notice }: Notice): void {
    this.#clients.get(database)?.onNotice(notice)
  }

  #answer(answer: Answer): void {
    const waiting = this.#settle(answer.id)
    if ('failure' in answer) waiting?.reject(errorOf(answer.failure))
    else waiting?.resolve(unpack(answer.result))
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (waiting && this.#waiting.size === 0) this.#worker.unref()
    return waiting
  }

  #endWhenIdle(): void {
    this.#idle = setTimeout(() => {
      this.#forget()
      void this.#worker.terminate()
    }, IDLE_MS).unref()
  }

  #end(error: Error): void {
    this.#forget()
    if (this.#crash) return
    this.#crash = error
    clearTimeout(this.#idle)
    for (const { onCrash } of this.#clients.values()) onCrash(error)
    for (const id of [...this.#waiting.keys()]) this.#settle(id)?.reject(error)
  }

  /** The next database gets another thread. */
  #forget(): void {
    if (DatabaseThread.#current === this) DatabaseThread.#current = undefined
  }
}
