import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Job, type Reply, SIGNALS, Signal, type ThreadData, type ThreadMessage } from '../../protocol.ts'
import { type Engine, STACK_MB } from '../../quickjs.ts'

export interface ThreadOptions {
  readonly engine: Engine
  readonly onMessage: (thread: Thread, message: ThreadMessage) => void
  /** Called when it ends unexpectedly. */
  readonly onCrash: (thread: Thread, error: Error) => void
}

/** TypeScript in the checkout, JavaScript in the package, as this file. */
const WORKER = new URL(`../../worker/worker${extname(import.meta.url)}`, import.meta.url)
/** The heap of V8 beside the memory of the engine: text that is passed in and out. */
const HEAP_MB = 256
/** Limits the young generation, for which V8 takes several times as much for each thread by default. */
const YOUNG_MB = 4

/** The owner's side of a worker thread with a sandbox. It keeps the process alive only while it has a job. */
export class Thread {
  readonly #worker: Worker
  readonly #signals = new Int32Array(new SharedArrayBuffer(SIGNALS * Int32Array.BYTES_PER_ELEMENT))
  #ended = false

  constructor({ engine, onMessage, onCrash }: ThreadOptions) {
    const workerData: ThreadData = { engine, signals: this.#signals }
    this.#worker = new Worker(WORKER, {
      name: 'script',
      workerData,
      env: {},
      execArgv: [],
      resourceLimits: { stackSizeMb: STACK_MB, maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: YOUNG_MB },
    })
    const crash = (error: Error) => {
      if (this.#ended) return
      this.#ended = true
      onCrash(this, error)
    }
    this.#worker.on('message', (message: ThreadMessage) => {
      if (!this.#ended) onMessage(this, message)
    })
    this.#worker.on('error', crash)
    this.#worker.on('exit', (code) => crash(new Error(`the thread ended with ${code}`)))
  }

  /** The number of started items of its job. */
  get progress(): number {
    return Atomics.load(this.#signals, Signal.progress)
  }

  start(job: Job): void {
    for (const signal of [Signal.stop, Signal.yield, Signal.progress]) Atomics.store(this.#signals, signal, 0)
    this.#worker.ref()
    this.#worker.postMessage(job)
  }

  /** Sends the reply that it waits for, and wakes it up. */
  reply(reply: Reply): void {
    Atomics.store(this.#signals, Signal.yield, 0)
    this.#worker.postMessage(reply)
    Atomics.store(this.#signals, Signal.wake, 1)
    Atomics.notify(this.#signals, Signal.wake)
  }

  /** Asks it to yield its turn. */
  askToYield(): void {
    Atomics.store(this.#signals, Signal.yield, 1)
  }

  /** Asks it to end its script. */
  askToStop(): void {
    Atomics.store(this.#signals, Signal.stop, 1)
  }

  /** Lets the process end while it has no job. */
  rest(): void {
    this.#worker.unref()
  }

  /** Ends it unconditionally. */
  async terminate(): Promise<void> {
    this.#ended = true
    await this.#worker.terminate()
  }
}
