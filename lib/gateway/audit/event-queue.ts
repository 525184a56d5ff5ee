import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../contract.ts'
import type { AuditTopic } from '../../core/telemetry/audit.ts'
import { serviceUnavailable } from '../../crest/errors.ts'

/** An event as it is written: one line of JSON, without its end. */
export interface AuditLine {
  readonly topic: AuditTopic
  readonly text: string
}

/** Where the events of a handler go. */
export interface AuditSink {
  /** Resolves with the lines that are not written, in order, and why. Never rejects. */
  write(lines: readonly AuditLine[]): Promise<{ readonly left: readonly AuditLine[]; readonly fault?: Error }>
}

export interface EventQueueOptions {
  /** Of the handler, for messages and metrics. */
  readonly name: string
  readonly sink: AuditSink
  readonly onOverload: 'drop' | 'block'
  /** Max events that wait. */
  readonly maxSize: number
  /** Milliseconds until the first event that waits is written: a write takes all that have come by then. */
  readonly writeInterval: number
  readonly log: Logger
}

const MAX_BATCH = 1000
/** Characters of all events that wait, whatever their number. */
const MAX_CHARACTERS = 64 * 1024 * 1024
const RETRY_MS = 1000
/** How long a caller waits for room. */
const MAX_WAIT_MS = 30_000
const CLOSE_MS = 5000
/** Losses and faults are logged once in this time. */
const REPORT_MS = 60_000

/** The events of one handler on their way: in memory, bounded, written in batches. */
export class EventQueue {
  readonly #options: EventQueueOptions
  #lines: AuditLine[] = []
  #characters = 0
  #written = 0
  #lost = 0
  #reported = { lost: 0, at: Number.NEGATIVE_INFINITY }
  #fault: string | undefined
  #flight: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  readonly #closing = new AbortController()
  #room = Promise.withResolvers<void>()

  constructor(options: EventQueueOptions) {
    this.#options = options
  }

  get name(): string {
    return this.#options.name
  }

  get written(): number {
    return this.#written
  }

  get lost(): number {
    return this.#lost
  }

  get waiting(): number {
    return this.#lines.length
  }

  /** Why nothing can be written now: a sentence for a person. */
  get fault(): string | undefined {
    return this.#fault
  }

  /** The fault, where requests wait for it to be gone. */
  get blockingFault(): string | undefined {
    return this.#options.onOverload === 'block' ? this.#fault : undefined
  }

  /** Adds an event. It is lost where events may be, or where twice as many wait as should. */
  add(line: AuditLine): void {
    const { maxSize, onOverload, writeInterval } = this.#options
    const factor = onOverload === 'block' ? 2 : 1
    const isOver = this.#lines.length >= maxSize * factor || this.#characters > MAX_CHARACTERS * factor
    if (isOver || this.#closing.signal.aborted) {
      this.#lose(1)
      return
    }
    this.#lines.push(line)
    this.#characters += line.text.length
    if (this.#flight || this.#timer) return
    this.#timer = setTimeout(() => void this.flush(), writeInterval)
  }

  /** undefined when callers need not wait. @throws serviceUnavailable when there is no room in time */
  room(): Promise<void> | undefined {
    if (this.#options.onOverload !== 'block' || !this.#isFull) return undefined
    return this.#waitForRoom()
  }

  /** Resolves when what waits now is written, or cannot be. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#flight ??= this.#writeAll().finally(() => {
      this.#flight = undefined
      // What came while the last batch was on its way.
      if (this.#lines.length > 0) this.#schedule(this.#fault === undefined ? 0 : RETRY_MS)
    })
    return this.#flight
  }

  /** Writes what waits, within a limited time; the rest is lost. */
  async close(): Promise<void> {
    const late = new AbortController()
    const limit = delay(CLOSE_MS, undefined, { signal: late.signal }).catch(() => undefined)
    const drained = async () => {
      do await this.flush()
      while (this.#lines.length > 0 && this.#fault === undefined)
    }
    await Promise.race([drained(), limit])
    late.abort()
    this.#closing.abort()
    clearTimeout(this.#timer)
    if (this.#lines.length > 0) this.#lose(this.#lines.length)
    this.#lines = []
    this.#report(true)
  }

  get #isFull(): boolean {
    return this.#lines.length >= this.#options.maxSize || this.#characters > MAX_CHARACTERS
  }

  #schedule(ms: number): void {
    if (this.#closing.signal.aborted) return
    this.#timer ??= setTimeout(() => void this.flush(), ms)
    // A fault must not keep the process alive.
    if (this.#fault !== undefined) this.#timer.unref()
  }

  async #writeAll(): Promise<void> {
    while (this.#lines.length > 0 && !this.#closing.signal.aborted) {
      const batch = this.#lines.slice(0, MAX_BATCH)
      const { left, fault } = await this.#options.sink.write(batch)
      if (this.#closing.signal.aborted) return
      this.#written += batch.length - left.length
      this.#lines = [...left, ...this.#lines.slice(batch.length)]
      this.#characters = this.#lines.reduce((sum, { text }) => sum + text.length, 0)
      this.#note(fault)
      this.#report(false)
      if (!this.#isFull) this.#admit()
      if (left.length > 0) return
    }
  }

  #note(fault: Error | undefined): void {
    const { name, log, onOverload } = this.#options
    if (fault && this.#fault === undefined) {
      const then =
        onOverload === 'block'
          ? 'requests are refused when the queue is full'
          : 'events are lost when the queue is full'
      log.error({ err: fault, handler: name }, `audit events of the handler ${name} cannot be written: ${then}`)
    }
    if (!fault && this.#fault !== undefined)
      log.info({ handler: name }, `audit events of the handler ${name} are written again`)
    this.#fault = fault?.message
    // Who waits for room is refused: it may take long.
    if (fault) this.#admit()
  }

  #admit(): void {
    this.#room.resolve()
    this.#room = Promise.withResolvers()
  }

  async #waitForRoom(): Promise<void> {
    const end = performance.now() + MAX_WAIT_MS
    while (this.#isFull) {
      const left = end - performance.now()
      if (this.#fault !== undefined || left <= 0 || this.#closing.signal.aborted)
        throw serviceUnavailable('The request is refused, since its audit events cannot be written')
      const late = new AbortController()
      await Promise.race([this.#room.promise, delay(left, undefined, { signal: late.signal }).catch(() => undefined)])
      late.abort()
    }
  }

  #lose(count: number): void {
    this.#lost += count
    this.#report(false)
  }

  #report(isLast: boolean): void {
    const count = this.#lost - this.#reported.lost
    const now = performance.now()
    if (count === 0 || (!isLast && now - this.#reported.at < REPORT_MS)) return
    const { name, log } = this.#options
    this.#reported = { lost: this.#lost, at: now }
    log.error({ handler: name, count, lost: this.#lost }, `audit events of the handler ${name} were lost: ${count}`)
  }
}
