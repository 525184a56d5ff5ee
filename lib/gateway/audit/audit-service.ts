import { randomUUID } from 'node:crypto'
import type { Disposable, Json, JsonObject, Logger, MetricsRegistry } from '../../contract.ts'
import type { AuditEvent, AuditLog, AuditTopic } from '../../core/telemetry/audit.ts'
import { Metrics } from '../../core/telemetry/metrics.ts'
import type { ObjectStore } from '../../repo/objects/object-store.ts'
import type { Repository } from '../../repo/repository.ts'
import { type EventFilter, eventFilter, includedIn } from './event-fields.ts'
import { EventQueue } from './event-queue.ts'
import { FileSink, fileOf } from './file-sink.ts'
import { type Output, RepositorySink, StdoutSink } from './other-sinks.ts'
import { type AuditSettings, directoryOf, type HandlerSettings } from './settings.ts'

export interface AuditServiceOptions {
  /** What is in force: the same value until it changes. */
  readonly setting: { readonly value: AuditSettings }
  readonly projectDir: string
  /** The other processes of the gateway. */
  readonly others?: { alone(key: string, work: () => Promise<void>): Promise<void> } | undefined
  /** Default: that of the process. */
  readonly output?: Output
  readonly metrics: MetricsRegistry
  readonly log: Logger
}

interface Handler {
  readonly settings: HandlerSettings
  readonly queue: EventQueue
  readonly store?: (topic: AuditTopic) => Promise<ObjectStore>
}

/** What follows from the settings. */
interface InForce {
  readonly settings: AuditSettings
  readonly handlers: readonly Handler[]
  readonly filters: ReadonlyMap<AuditTopic, EventFilter>
  readonly included: ReturnType<typeof includedIn>
  /** The kinds of events that are recorded; absent = all of the topic. */
  readonly kinds: ReadonlyMap<AuditTopic, ReadonlySet<string>>
}

/** The field that tells the kinds of events of a topic apart. */
const KINDS = [
  ['authentication', 'result'],
  ['recon', 'entryType'],
] as const

/** Ids are this UUID and a counter: a UUID for each event costs more without benefit. */
const PROCESS = randomUUID()
let count = 0

const nextId = (): string => `${PROCESS}-${++count}`

/** Records events by `audit.json`. A change of that is in force with the next event. */
export class AuditService implements AuditLog, Disposable {
  readonly #options: AuditServiceOptions
  readonly #repository = Promise.withResolvers<Repository>()
  readonly #closing = new Set<Promise<void>>()
  readonly #registered: Disposable
  /** Of handlers that are no longer in force. */
  readonly #past = new Map<string, { written: number; lost: number }>()
  #inForce: InForce | undefined

  constructor(options: AuditServiceOptions) {
    this.#options = options
    const metrics = new Metrics()
    metrics.read({
      name: 'openidm_external_idm_audit_events_total',
      help: 'Audit events by what became of them.',
      type: 'counter',
      labels: ['handler', 'outcome'],
      read: () =>
        this.#counts().flatMap(
          ({ name, written, lost }) =>
            [
              [written, name, 'written'],
              [lost, name, 'lost'],
            ] as const,
        ),
    })
    metrics.read({
      name: 'openidm_external_idm_audit_events_waiting',
      help: 'Audit events that are not written yet.',
      type: 'gauge',
      labels: ['handler'],
      read: () => this.#current.handlers.map(({ queue }) => [queue.waiting, queue.name] as const),
    })
    this.#registered = metrics.register(options.metrics)
  }

  wants(topic: AuditTopic, kind?: string): boolean {
    const { filters, kinds } = this.#current
    return filters.has(topic) && (kind === undefined || kinds.get(topic)?.has(kind) !== false)
  }

  /** What of a request is recorded only when `includeIf` names it. */
  get included(): InForce['included'] {
    return this.#current.included
  }

  record(topic: AuditTopic, event: AuditEvent): void {
    const { filters, handlers } = this.#current
    const filter = filters.get(topic)
    if (!filter) return
    try {
      const recorded = filter(wholeEvent(event))
      if (!recorded) return
      const text = JSON.stringify(recorded)
      for (const { settings, queue } of handlers) if (settings.topics.has(topic)) queue.add({ topic, text })
    } catch (error) {
      this.#options.log.error({ err: error, topic }, 'an audit event could not be made')
    }
  }

  room(): Promise<void> | undefined {
    for (const { queue } of this.#current.handlers) {
      const room = queue.room()
      if (room) return room.then(() => this.room())
    }
    return undefined
  }

  /** Why requests are refused; undefined when all is well, or events may be lost. */
  get fault(): string | undefined {
    return this.#current.handlers.map(({ queue }) => queue.blockingFault).find((fault) => fault !== undefined)
  }

  /** For `health/audit`. */
  status(): JsonObject {
    const { handlers } = this.#current
    return {
      handlers: handlers.map(({ queue, settings }): Json => {
        const { name, written, lost, waiting, fault = null } = queue
        return { name, topics: [...settings.topics], written, lost, waiting, fault }
      }),
    }
  }

  /** Where the events of a topic can be read; undefined when nowhere. Resolves when those so far are there. */
  async readable(topic: AuditTopic): Promise<{ file: string } | { store: ObjectStore } | undefined> {
    const { handlers, settings } = this.#current
    const able = handlers.filter(({ settings: { kind, topics } }) => kind !== 'stdout' && topics.has(topic))
    const asked = able.find(({ queue }) => queue.name === settings.handlerForQueries)
    const handler = able.find(({ store }) => store) ?? asked ?? able[0]
    if (!handler) return undefined
    await handler.queue.flush()
    if (handler.store) return { store: await handler.store(topic) }
    return { file: fileOf(directoryOf(handler.settings.config, this.#options.projectDir), topic) }
  }

  /** Begins to serve the handlers that need it. */
  use(repository: Repository): void {
    this.#repository.resolve(repository)
  }

  /** Resolves when what waits is written, or cannot be. */
  async flush(): Promise<void> {
    await Promise.all(this.#current.handlers.map(({ queue }) => queue.flush()))
  }

  async dispose(): Promise<void> {
    if (this.#inForce) this.#close(this.#inForce)
    await Promise.all(this.#closing)
    await this.#registered.dispose()
  }

  get #current(): InForce {
    const settings = this.#options.setting.value
    if (this.#inForce?.settings === settings) return this.#inForce
    if (this.#inForce) this.#close(this.#inForce)
    const handlers = settings.handlers.map((own) => this.#handler(own))
    const topics = new Set(handlers.flatMap((handler) => [...handler.settings.topics]))
    const filters = new Map([...topics].map((topic) => [topic, eventFilter(topic, settings)] as const))
    this.#inForce = { settings, handlers, filters, included: includedIn(settings), kinds: recordedKinds(settings) }
    return this.#inForce
  }

  #handler(settings: HandlerSettings): Handler {
    const { name, kind, config } = settings
    const { log, projectDir, others, output = process.stdout } = this.#options
    const { onOverload, buffering } = config
    const common = { name, onOverload, maxSize: buffering.maxSize, writeInterval: buffering.writeInterval, log }
    if (kind === 'repository') {
      const sink = new RepositorySink(this.#repository.promise, config.maxStoredEvents)
      return { settings, queue: new EventQueue({ ...common, sink }), store: (topic) => sink.store(topic) }
    }
    const files = { ...config, directory: directoryOf(config, projectDir), others }
    const sink = kind === 'json' ? new FileSink(files) : new StdoutSink(output)
    return { settings, queue: new EventQueue({ ...common, sink }) }
  }

  #close({ handlers }: InForce): void {
    for (const { queue } of handlers) {
      const closed = queue.close().then(() => {
        const past = this.#past.get(queue.name) ?? { written: 0, lost: 0 }
        this.#past.set(queue.name, { written: past.written + queue.written, lost: past.lost + queue.lost })
        this.#closing.delete(closed)
      })
      this.#closing.add(closed)
    }
  }

  #counts(): { name: string; written: number; lost: number }[] {
    const sums = new Map([...this.#past].map(([name, past]) => [name, { ...past }]))
    for (const { queue } of this.#current.handlers) {
      const sum = sums.get(queue.name) ?? { written: 0, lost: 0 }
      sums.set(queue.name, { written: sum.written + queue.written, lost: sum.lost + queue.lost })
    }
    return [...sums].map(([name, sum]) => ({ name, ...sum }))
  }
}

function recordedKinds({ topics }: AuditSettings): ReadonlyMap<AuditTopic, ReadonlySet<string>> {
  return new Map(
    KINDS.flatMap(([topic, field]) => {
      const condition = topics[topic]?.filter.fields.find(({ name }) => name === field)
      return condition ? [[topic, new Set(condition.values)] as const] : []
    }),
  )
}

function wholeEvent({
  _id,
  timestamp,
  transactionId,
  eventName,
  userId,
  trackingIds,
  ...rest
}: AuditEvent): AuditEvent {
  return {
    _id: _id ?? nextId(),
    timestamp: timestamp ?? new Date().toISOString(),
    eventName,
    transactionId: transactionId ?? nextId(),
    userId,
    trackingIds: trackingIds ?? [],
    ...rest,
  }
}
