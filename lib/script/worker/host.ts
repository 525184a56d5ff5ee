import { parentPort, receiveMessageOnPort } from 'node:worker_threads'
import { exceeded, type Limits } from '../limits.ts'
import { type Job, keyOf, type ModuleSource, type Reply, Signal, type ThreadMessage } from '../protocol.ts'
import type { SandboxHost } from './sandbox.ts'

/** Calls without an answer. The script only waits after MAX_BUFFERED_OUTPUT. */
const OUTPUT_CALLS: ReadonlySet<string> = new Set(['log', 'print'])
/** Max characters of output before the script waits, so that it cannot outrun the log. */
const MAX_BUFFERED_OUTPUT = 16_384
/** Overhead of a line in characters. */
const LINE_OVERHEAD = 200
const STOPPED = 'the script is stopped'

/** The connection of a sandbox to the owner of its thread: sends messages, and waits for replies. */
export class Host implements SandboxHost {
  readonly #port
  readonly #signals: Int32Array<SharedArrayBuffer>
  /** The versions of the loaded modules. */
  readonly #versions = new Map<string, string>()
  #limits: Limits | undefined
  #since = 0
  #waited = 0
  #calls = 0
  #output = 0
  #item = 0
  #exceeded: string | undefined

  constructor(signals: Int32Array<SharedArrayBuffer>) {
    if (!parentPort) throw new Error('this file must run in a worker thread')
    this.#port = parentPort
    this.#signals = signals
  }

  onJob(listener: (job: Job) => void): void {
    this.#port.on('message', listener)
  }

  post(message: ThreadMessage): void {
    this.#port.postMessage(message)
  }

  /** The message for the limit that the script has exceeded. */
  get exceeded(): string | undefined {
    return this.#exceeded
  }

  get isStopped(): boolean {
    return Atomics.load(this.#signals, Signal.stop) === 1
  }

  /** Starts a job. */
  open(limits: Limits): void {
    this.#limits = limits
    Atomics.store(this.#signals, Signal.progress, 0)
    this.#item = 0
    this.restart()
  }

  /** Starts an item of the job. */
  restart(): void {
    this.#since = performance.now()
    this.#waited = 0
    this.#calls = 0
    this.#exceeded = undefined
    Atomics.add(this.#signals, Signal.progress, 1)
  }

  /** Starts the item with this number in its own context. */
  begin(item: number): void {
    this.#item = item
    this.restart()
  }

  /** Ends the job and its limits. */
  close(): void {
    this.#limits = undefined
  }

  /** Starts the next item in the same context. @returns true when the previous one has exceeded a limit */
  next(): boolean {
    if (this.#exceeded !== undefined) return true
    this.restart()
    return false
  }

  interrupt(): boolean {
    const { yield: others } = Signal
    if (this.isStopped || this.#exceeded !== undefined) return true
    if (Atomics.exchange(this.#signals, others, 0) === 1 && this.#limits) this.#ask({ kind: 'yield' })
    if (this.#limits) this.#checkTime(this.#limits)
    return this.isStopped || this.#exceeded !== undefined
  }

  #checkTime(limits: Limits): void {
    const taken = performance.now() - this.#since
    if (taken - this.#waited > limits.computeMs) this.#exceeded = exceeded.computeMs(limits)
    else if (taken > limits.wallMs) this.#exceeded = exceeded.wallMs(limits)
  }

  cross(name: string, args: string): string {
    if (!this.#limits) throw new Error(`${name}: a module cannot make calls while it is prepared`)
    this.#check(name, args.length, this.#limits)
    if (!OUTPUT_CALLS.has(name)) return this.#replyTo(this.#callOf(name, args))
    this.#output += args.length + LINE_OVERHEAD
    if (this.#output > MAX_BUFFERED_OUTPUT) {
      this.#output = 0
      return this.#replyTo(this.#callOf(name, args))
    }
    this.post({ kind: 'log', name, args })
    return '{}'
  }

  module(name: string): ModuleSource {
    if (this.#limits) this.#check('require', name.length, this.#limits)
    const reply = this.#ask(this.#callOf('module', name))
    if (reply.kind === 'module') {
      this.#versions.set(name, reply.module.version)
      return reply.module
    }
    throw new Error(reply.kind === 'reply' ? reply.text : STOPPED)
  }

  #callOf(name: string, args: string): ThreadMessage {
    return { kind: 'call', name, args, item: this.#item }
  }

  /** Identifies the modules with their loaded versions. */
  keyOf(modules: readonly string[]): string {
    return keyOf(modules, (name) => this.#versions.get(name))
  }

  #check(name: string, length: number, limits: Limits): void {
    if (this.isStopped) throw new Error(STOPPED)
    if (this.#exceeded !== undefined) throw new Error(this.#exceeded)
    this.#calls += 1
    if (this.#calls > limits.calls) throw this.#exceed(exceeded.calls(limits))
    if (length > limits.transferLength)
      throw new Error(`${name}: the arguments have more than ${limits.transferLength} characters`)
  }

  /** The script may catch the error, but the next interrupt ends it. */
  #exceed(sentence: string): Error {
    this.#exceeded ??= sentence
    return new Error(sentence)
  }

  #replyTo(message: ThreadMessage): string {
    const reply = this.#ask(message)
    if (reply.kind === 'reply') return reply.text
    if (reply.kind === 'expired' && this.#limits) throw this.#exceed(exceeded.wallMs(this.#limits))
    throw new Error(STOPPED)
  }

  /** Posts a message, and blocks until there is a reply. */
  #ask(message: ThreadMessage): Reply {
    const start = performance.now()
    this.post(message)
    for (;;) {
      Atomics.wait(this.#signals, Signal.wake, 0)
      Atomics.store(this.#signals, Signal.wake, 0)
      const received = receiveMessageOnPort(this.#port)
      if (!received) continue
      this.#waited += performance.now() - start
      return received.message as Reply
    }
  }
}
