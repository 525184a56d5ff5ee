import { isDeepStrictEqual } from 'node:util'
import type { Disposable, Logger, MetricsRegistry } from '../../../contract.ts'
import { SerialQueue } from '../../../core/serial-queue.ts'
import { conflict } from '../../../crest/errors.ts'
import type { AgreementStore } from '../../../repo/links/agreement-store.ts'
import type { QueuedEvent } from '../../../repo/queue/event.ts'
import type { EventStore, Pause, QueueState } from '../../../repo/queue/event-store.ts'
import type { JobQueue } from '../../../repo/queue/job-queue.ts'
import type { DeletionBrake } from '../../context/deletion-brake.ts'
import type { ConfiguredMapping, MappingRegistry } from '../../mapping/registry.ts'
import type { ScriptRunner } from '../../mapping/scripts.ts'
import { type IsHeld, usesQueue } from '../live-mappings.ts'
import type { LiveSync } from '../live-sync.ts'
import { StoredIntents } from '../stored-intents.ts'
import type { Takeover } from '../takeover.ts'
import { type Attempt, attemptOf } from './decisions.ts'
import { giveUp } from './give-up.ts'
import { type DrainSettings, MappingDrain } from './mapping-drain.ts'
import { QueueMetrics, type QueueReadings } from './queue-metrics.ts'

export interface QueueServiceOptions {
  readonly live: Pick<LiveSync, 'carryOut'>
  readonly mappings: MappingRegistry
  readonly events: EventStore
  readonly jobs: JobQueue
  readonly agreements: Pick<AgreementStore, 'parked'>
  readonly takeover: Takeover
  readonly brake: DeletionBrake
  readonly scripts: ScriptRunner
  readonly isHeld?: IsHeld | undefined
  readonly metrics?: MetricsRegistry | undefined
  readonly log: Logger
}

/**
 * - `running`: its events are carried out.
 * - `waiting`: its target or source is not available.
 * - `paused`: until somebody releases it.
 * - `held`: until somebody accepts the mapping.
 * - `disabled`: `enableSync` is false.
 * - `absent`: no mapping of this name is in force.
 * - `stopped`: this process carries no events out.
 */
export type QueueCondition = 'running' | 'waiting' | 'paused' | 'held' | 'disabled' | 'absent' | 'stopped'

export interface QueueStatus extends QueueState {
  readonly condition: QueueCondition
  /** Why it is not running: one sentence. */
  readonly reason: string | null
}

/** How often the numbers behind metrics and drains of mappings without queue are read. */
const REFRESH_MS = 5000

/** Queued synchronization: carries out the events of all mappings, and shows what waits. */
export class QueueService implements Disposable {
  readonly events: EventStore
  readonly #options: QueueServiceOptions
  readonly #drains = new Map<string, { readonly drain: MappingDrain; readonly settings: DrainSettings }>()
  readonly #changes = new SerialQueue()
  readonly #metrics: QueueMetrics | undefined
  readonly #watch: Disposable
  #read: QueueReadings = { queues: [], parked: [] }
  #timer: NodeJS.Timeout | undefined
  #isRunning = false
  #isClosed = false

  constructor(options: QueueServiceOptions) {
    const { events, mappings, brake, metrics } = options
    this.#options = options
    this.events = events
    this.#metrics = metrics && new QueueMetrics(metrics, () => this.#read)
    this.#watch = mappings.watch(() => this.#adapt())
    brake.watch((mapping) => this.#drains.get(mapping)?.drain.wake())
  }

  /** Begins to carry events out, and logs what waits. */
  async begin(): Promise<void> {
    const { jobs, takeover, log } = this.#options
    if (this.#isClosed || this.#isRunning) return
    await jobs.recover()
    await takeover.claims()
    this.#isRunning = true
    await this.#readAll()
    await this.#adapt()
    for (const { mapping, waiting, dead, condition, reason } of await this.status()) {
      const facts = { mapping, waiting, dead, condition }
      const what = `mapping ${mapping}: ${waiting} queued changes wait, ${dead} dead letters`
      if (condition === 'running') log.info(facts, what)
      else log.warn(facts, `${what}; ${reason}`)
    }
    this.#timer = setInterval(() => void this.#refresh(), REFRESH_MS).unref()
  }

  /** The mappings with a queue, and those with events, dead letters, deletions or a pause. */
  async status(): Promise<QueueStatus[]> {
    const stored = new Map((await this.events.queues()).map((queue) => [queue.mapping, queue] as const))
    const queued = this.#options.mappings.all().filter(usesQueue)
    const names = [...new Set([...stored.keys(), ...queued.map(({ mapping }) => mapping.name)])].sort()
    return Promise.all(names.map((name) => this.#statusOf(stored.get(name) ?? emptyQueue(name))))
  }

  /** @throws conflict when there is no such mapping */
  async pause(mapping: string, by: string): Promise<Pause> {
    this.#require(mapping, this.#options.mappings.find(mapping) !== undefined)
    const pause = await this.#options.brake.pause(mapping, by)
    this.#options.log.warn({ mapping, by }, `the queue of mapping ${mapping} is paused: ${pause.reason}`)
    return pause
  }

  /** Lets a mapping go on. @returns what it was paused by; null = it was not */
  async release(mapping: string, by: string): Promise<Pause | null> {
    const { brake, mappings, log } = this.#options
    const isKnown = mappings.find(mapping) ?? (await this.events.queues()).find((queue) => queue.mapping === mapping)
    this.#require(mapping, isKnown !== undefined)
    const pause = await brake.release(mapping)
    if (pause)
      log.warn({ mapping, by, pause }, `${by} has released mapping ${mapping}, which was paused: ${pause.reason}`)
    return pause
  }

  remainingOf(mapping: string): number {
    return this.#options.mappings.find(mapping)?.mapping.queuedSync?.maxRetries ?? 0
  }

  /** Finishes the events under way, and leaves the others. */
  async dispose(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    await this.#watch.dispose()
    await this.#changes.add(() => this.#stopAll())
    await this.#metrics?.dispose()
  }

  #require(mapping: string, isKnown: boolean): void {
    if (!isKnown) throw conflict(`No such mapping: ${mapping}`)
  }

  async #readAll(): Promise<void> {
    const [queues, parked] = await Promise.all([this.events.queues(), this.#options.agreements.parked()])
    this.#read = { queues, parked }
  }

  async #refresh(): Promise<void> {
    try {
      await this.#options.takeover.all()
      await this.#readAll()
      await this.#adapt()
    } catch (error) {
      this.#options.log.debug({ err: error }, 'the state of the queues cannot be read')
    }
  }

  /** Starts and stops drains as the mappings in force are. */
  #adapt(): Promise<void> {
    return this.#changes.add(async () => {
      if (!this.#isRunning || this.#isClosed) return
      const wanted = this.#wanted()
      for (const [name, { drain, settings }] of this.#drains)
        if (!isDeepStrictEqual(wanted.get(name), settings)) {
          await drain.dispose()
          this.#drains.delete(name)
        }
      for (const [name, settings] of wanted)
        if (!this.#drains.has(name)) this.#drains.set(name, { settings, drain: this.#drainOf(name, settings) })
    })
  }

  /** A mapping that has lost its queue carries out what is left in it. */
  #wanted(): Map<string, DrainSettings> {
    const { mappings, isHeld } = this.#options
    const waiting = new Set(this.#read.queues.flatMap(({ mapping, waiting }) => (waiting > 0 ? [mapping] : [])))
    const live = mappings
      .all()
      .filter((one) => one.mapping.enableSync && !isHeld?.(one.mapping.name))
      .filter((one) => usesQueue(one) || waiting.has(one.mapping.name))
    return new Map(live.map((one) => [one.mapping.name, settingsOf(one)]))
  }

  #drainOf(name: string, settings: DrainSettings): MappingDrain {
    const { jobs, brake, scripts, log, mappings } = this.#options
    return new MappingDrain({
      ...{ name, settings, jobs, log, events: this.events },
      carryOut: (event) => this.#carryOut(event),
      giveUp: async (event, cause) => {
        const found = mappings.find(name)
        return found ? giveUp(found, event, cause, { scripts, log }) : 'dead'
      },
      isPaused: async () => (await brake.pauseOf(name)) !== null,
      count: (status) => this.#metrics?.count(name, status),
    })
  }

  async #carryOut(event: QueuedEvent): Promise<Attempt> {
    const { live, mappings } = this.#options
    const found = mappings.find(event.mapping)
    if (!found) return { verdict: 'busy', cause: undefined }
    const { collection, resourceId, action, oldObject, newObject, transactionId, userId, chain } = event
    const context = {
      ...(transactionId !== null && { transactionId }),
      ...(userId !== null && { agent: userId }),
      syncChain: chain,
    }
    const intents = new StoredIntents(event, this.events, (now) => this.events.intend(event, now))
    const change = { collection, resourceId, action, oldObject, newObject, intents }
    const isEarlierQueued = async (mapping: string, id: string) => {
      const [first] = await this.events.page({ mapping, resourceId: id }, null, 1)
      return first !== undefined && Number(first.id) < Number(event.id)
    }
    const details = await live.carryOut(found, { ...change, isEarlierQueued }, context)
    return details === 'later' ? { verdict: 'early', cause: undefined } : attemptOf(details)
  }

  async #stopAll(): Promise<void> {
    await Promise.all([...this.#drains.values()].map(({ drain }) => drain.dispose()))
    this.#drains.clear()
  }

  async #statusOf(queue: QueueState): Promise<QueueStatus> {
    const { mappings, isHeld } = this.#options
    const { mapping: name, pause } = queue
    const found = mappings.find(name)
    const be = (condition: QueueCondition, reason: string | null): QueueStatus => ({ ...queue, condition, reason })
    if (!found) return be('absent', mappings.faultOf(name) ?? 'no mapping of this name is configured')
    if (pause) return be('paused', pause.reason)
    if (!found.mapping.enableSync) return be('disabled', 'enableSync of the mapping is false')
    if (isHeld?.(name)) return be('held', 'the mapping waits to be accepted: see doctor')
    const blocked = this.#drains.get(name)?.drain.blocked
    if (blocked) return be('waiting', blockedText(blocked.cause?.message, blocked.ms))
    return this.#isRunning ? be('running', null) : be('stopped', 'this process carries no queued changes out')
  }
}

const emptyQueue = (mapping: string): QueueState => ({
  ...{ mapping, waiting: 0, dead: 0, oldest: null, pause: null, deletions: 0 },
})

function settingsOf({ mapping: { queuedSync, taskThreads } }: ConfiguredMapping): DrainSettings {
  const {
    pageSize = 100,
    pollingInterval = 1000,
    maxQueueSize = 1000,
    maxRetries = 5,
    retryDelay = 1000,
  } = queuedSync ?? {}
  return { pageSize, pollingInterval, maxQueueSize, maxRetries, retryDelay, threads: Math.max(1, taskThreads) }
}

const blockedText = (message = 'its target or source is not available', ms = 0): string =>
  `${message}; it is asked again in ${Math.ceil(ms / 1000)} s`
