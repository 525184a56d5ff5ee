import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import type { Disposable, JsonObject, Logger } from '../../../contract.ts'
import type { QueuedEvent } from '../../../repo/queue/event.ts'
import type { EventStore, Outcome } from '../../../repo/queue/event-store.ts'
import type { JobQueue } from '../../../repo/queue/job-queue.ts'
import type { SyncCause } from '../change.ts'
import { type Attempt, isSpent, probeDelay, retryDelay } from './decisions.ts'
import type { End } from './give-up.ts'

export interface DrainSettings {
  readonly pageSize: number
  readonly pollingInterval: number
  readonly maxQueueSize: number
  readonly maxRetries: number
  readonly retryDelay: number
  /** Objects that are carried over at the same time. */
  readonly threads: number
}

export interface MappingDrainOptions {
  readonly name: string
  readonly settings: DrainSettings
  readonly events: Pick<EventStore, 'finish'>
  readonly jobs: JobQueue
  readonly carryOut: (event: QueuedEvent) => Promise<Attempt>
  readonly giveUp: (event: QueuedEvent, cause: SyncCause) => Promise<End>
  /** Whether the mapping stands still. */
  readonly isPaused: () => Promise<boolean>
  /** Told of each event that has ended, and of each that is tried again. */
  readonly count: (status: 'done' | 'retried' | 'dead' | 'postponed') => void
  readonly log: Logger
}

/** Events that failed while the target could not be reached, of which it is remembered whether others got through since. */
const MAX_SUSPECTS = 10_000
/** What was refused waits a little longer than the target, so that another event finds out whether that is back. */
const BEHIND_PROBE_MS = 50

const NO_CAUSE: SyncCause = { code: 500, reason: 'Internal Server Error', message: 'It failed without a reason' }

/**
 * Carries out the events of one mapping: different objects at the same time. While a target is not available, the whole
 * mapping waits, longer each time, then one event goes first; when it gets through, the others follow, twice as many
 * each time.
 */
export class MappingDrain implements Disposable {
  readonly #options: MappingDrainOptions
  readonly #subscription: Disposable
  #buffer: QueuedEvent[] = []
  readonly #running = new Set<Promise<void>>()
  #outcomes: Outcome[] = []
  #flushing: Promise<void> | undefined
  #pumping: Promise<void> | undefined
  #again = false
  #stopped = false
  #timer: NodeJS.Timeout | undefined
  /** How many may be under way. */
  #width: number
  /** The target is left alone until then (`performance.now()`), since when, and how often in succession. */
  #block = { begin: 0, until: 0, failures: 0 }
  #fault: SyncCause | undefined
  /** Events that have got through, or failed by themselves. */
  #passed = 0
  readonly #suspects = new Map<string, number>()

  constructor(options: MappingDrainOptions) {
    this.#options = options
    this.#width = options.settings.threads
    const { pollingInterval } = options.settings
    this.#subscription = options.jobs.subscribe(options.name, { pollingInterval, wake: () => this.wake() })
    this.wake()
  }

  /** Why the target is left alone, and for how many milliseconds; undefined when it is not. */
  get blocked(): { readonly cause: SyncCause | undefined; readonly ms: number } | undefined {
    return this.#block.failures > 0
      ? { cause: this.#fault, ms: Math.max(0, this.#block.until - performance.now()) }
      : undefined
  }

  /** Looks for events. */
  wake(): void {
    this.#again = true
    if (!this.#stopped) this.#pumping ??= this.#pump()
  }

  /** Finishes the events under way, and leaves the others. */
  async dispose(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#subscription.dispose()
    await this.#pumping
    this.#putBack()
    await Promise.all(this.#running)
    await this.#flushing
  }

  async #pump(): Promise<void> {
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false
        await this.#fill()
      }
    } catch (error) {
      // Such as a database that is locked: the poll looks again.
      this.#options.log.error({ err: error, mapping: this.#options.name }, 'queued changes cannot be read')
    } finally {
      this.#pumping = undefined
      if (this.#again) this.#wakeLater(0)
    }
  }

  async #fill(): Promise<void> {
    const { name, jobs, settings, isPaused } = this.#options
    if (await isPaused()) return this.#putBack()
    const wait = this.#block.until - performance.now()
    if (wait > 0) return this.#wakeLater(wait)
    const held = this.#buffer.length + this.#running.size
    const capacity = this.#width < settings.threads ? this.#width : settings.maxQueueSize
    const room = Math.min(settings.pageSize, capacity - held)
    if (room > 0 && this.#buffer.length < this.#width) {
      const found = await jobs.acquire(name, room)
      this.#buffer.push(...found)
      if (found.length === 0 && held === 0) await this.#waitForRetry()
      // There may be more than this page.
      if (found.length === room) this.#again = this.#buffer.length + this.#running.size < this.#width
    }
    while (this.#buffer.length > 0 && this.#running.size < this.#width && !this.#stopped) this.#begin()
  }

  async #waitForRetry(): Promise<void> {
    const next = await this.#options.jobs.nextRetry(this.#options.name)
    if (next !== undefined) this.#wakeLater(next - Date.now())
  }

  #wakeLater(ms: number): void {
    clearTimeout(this.#timer)
    if (!this.#stopped) this.#timer = setTimeout(() => this.wake(), Math.min(Math.max(ms, 1), 2 ** 30)).unref()
  }

  #begin(): void {
    const event = this.#buffer.shift()
    if (!event) return
    const work = this.#carryOut(event).finally(() => {
      this.#running.delete(work)
      this.#flushing ??= this.#flush()
    })
    this.#running.add(work)
  }

  async #carryOut(event: QueuedEvent): Promise<void> {
    const { carryOut, count, log, name } = this.#options
    const begin = performance.now()
    try {
      const outcome = await this.#outcomeOf(event, await carryOut(event), begin)
      this.#outcomes.push(outcome)
      if (outcome.result === 'retry') count(outcome.counts ? 'retried' : 'postponed')
      else count(outcome.result)
    } catch (error) {
      log.error({ err: error, mapping: name, event: event.id }, 'a queued change could not be carried out')
      this.#outcomes.push(
        this.#later(event, probeDelay(1, this.#options.settings.retryDelay, Math.random()), event.lastError),
      )
    }
  }

  async #outcomeOf(event: QueuedEvent, { verdict, cause = NO_CAUSE }: Attempt, begin: number): Promise<Outcome> {
    const { settings, giveUp, isPaused, log, name } = this.#options
    if (verdict === 'done') {
      this.#pass(event, begin)
      return { event, result: 'done' }
    }
    if (verdict === 'early') return this.#later(event, EARLY_MS, event.lastError)
    const { code, reason, message } = cause
    const error = { code, reason, message }
    if (verdict === 'inDoubt') {
      this.#pass(event, begin)
      log.error({ mapping: name, event: event.id, reason: message }, IN_DOUBT)
      return { event, result: 'dead', error }
    }
    // The brake has stopped it.
    if (verdict === 'failed' && (await isPaused())) return this.#later(event, 0, event.lastError)
    const isAvailable = verdict === 'failed' || (verdict === 'unreachable' && this.#isItsOwn(event))
    if (!isAvailable) {
      this.#blockFor(cause, begin)
      return this.#later(event, this.#block.until - performance.now() + BEHIND_PROBE_MS, error)
    }
    this.#pass(event, begin)
    if (!isSpent(event.attempts, settings.maxRetries)) {
      const notBefore = Date.now() + retryDelay(event.attempts, settings.retryDelay, Math.random())
      return { event, result: 'retry', counts: true, notBefore, error }
    }
    return (await giveUp(event, cause)) === 'dead' ? { event, result: 'dead', error } : { event, result: 'done' }
  }

  #later(event: QueuedEvent, ms: number, error: JsonObject | null): Outcome {
    return { event, result: 'retry', counts: false, notBefore: Date.now() + Math.max(0, ms), error }
  }

  /** Whether others have got through since the event failed in this way. */
  #isItsOwn({ id }: QueuedEvent): boolean {
    const passed = this.#suspects.get(id)
    if (passed === undefined && this.#suspects.size >= MAX_SUSPECTS) this.#suspects.clear()
    this.#suspects.set(id, this.#passed)
    return passed !== undefined && passed < this.#passed
  }

  #pass({ id }: QueuedEvent, begin: number): void {
    this.#passed += 1
    this.#suspects.delete(id)
    const { threads } = this.#options.settings
    if (begin < this.#block.until) return
    this.#block.failures = 0
    this.#fault = undefined
    this.#width = Math.min(threads, this.#width * 2)
  }

  /** What was under way when it began to fail is one reason to wait, not several. */
  #blockFor(cause: SyncCause, begin: number): void {
    const { settings, name, log } = this.#options
    const isNew = begin >= this.#block.begin
    const failures = isNew ? this.#block.failures + 1 : Math.max(1, this.#block.failures)
    const now = performance.now()
    const until = now + probeDelay(failures, settings.retryDelay, Math.random(), cause.retryAfterMs)
    if (failures === 1 && isNew)
      log.warn({ mapping: name, reason: cause.message }, 'queued changes wait: their target or source is not available')
    this.#block = {
      begin: isNew ? now : this.#block.begin,
      until: isNew || cause.retryAfterMs ? Math.max(until, this.#block.until) : this.#block.until,
      failures,
    }
    this.#fault = cause
    this.#width = 1
  }

  /** Events in memory wait in the database again. */
  #putBack(): void {
    if (this.#buffer.length === 0) return
    for (const event of this.#buffer) this.#outcomes.push(this.#later(event, 0, event.lastError))
    this.#buffer = []
    this.#flushing ??= this.#flush()
  }

  /** What ends meanwhile goes with the next write. */
  async #flush(): Promise<void> {
    try {
      while (this.#outcomes.length > 0) {
        await turn()
        const outcomes = this.#outcomes
        this.#outcomes = []
        await this.#store(outcomes)
      }
    } finally {
      this.#flushing = undefined
      this.wake()
    }
  }

  /** Events whose end cannot be stored are carried out again after a restart. */
  async #store(outcomes: readonly Outcome[]): Promise<void> {
    const { events, log, name } = this.#options
    for (;;)
      try {
        return await events.finish(outcomes)
      } catch (error) {
        log.error({ err: error, mapping: name }, 'the end of queued changes cannot be stored')
        if (this.#stopped) return
        await delay(STORE_RETRY_MS)
      }
  }
}

const STORE_RETRY_MS = 1000
const EARLY_MS = 500

const IN_DOUBT = 'cannot determine whether a queued change was carried over: it is a dead letter now (see queue dead)'
