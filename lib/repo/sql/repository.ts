import type { JsonObject, Logger } from '../../contract.ts'
import { SerialQueue } from '../../core/serial-queue.ts'
import { parsePointer, printPointer } from '../../crest/pointer.ts'
import type { Cluster } from '../cluster.ts'
import type { IncrementalStore } from '../incremental/incremental-store.ts'
import type { AgreementStore } from '../links/agreement-store.ts'
import type { LinkStore } from '../links/link-store.ts'
import type { ObjectStore, TypeOptions } from '../objects/object-store.ts'
import { type Rewriting, rewriteObjects } from '../objects/rewrite.ts'
import type { CaptureStore } from '../queue/capture-store.ts'
import type { EventStore } from '../queue/event-store.ts'
import type { JobQueue } from '../queue/job-queue.ts'
import type { Fence, Repository, RepositoryOptions } from '../repository.ts'
import type { RunStore } from '../runs/run-store.ts'
import type { SentValueStore } from '../runs/sent-value-store.ts'
import { SqlAgreements } from './agreements.ts'
import { SqlCaptureStore } from './capture-store.ts'
import { SqlEventStore, type SqlEventStoreOptions } from './event-store.ts'
import { SqlJobQueue } from './job-queue.ts'
import { SqlObjectStore } from './object-store.ts'
import { EventWriter, type WakeUps } from './queue/event-writer.ts'
import { RunKeys } from './run-keys.ts'
import { SqlRunStore } from './run-store.ts'
import type { Stores } from './stores.ts'

const REWRITTEN_AT_ONCE = 500

export interface SqlRepositoryOptions extends Pick<RepositoryOptions, 'log' | 'keys' | 'alone'> {
  readonly stores: Stores
  /** Names the database in messages. */
  readonly name: string
  /** Whether several processes can carry out a run. */
  readonly sharesRuns?: boolean
  /** See `Repository.fault`. */
  readonly fault: () => string | undefined
  /** See `Repository.process` and `Repository.ended`. */
  readonly process: string
  readonly ended: Repository['ended']
  /** See `EventStore.misses`. */
  readonly misses?: () => number
  /** See `Repository.own`. */
  readonly own?: () => Promise<void>
  /** Of processes that share the database. */
  readonly wakeUps?: WakeUps
  readonly cluster?: Cluster | undefined
  /** The stores as a leader has them. */
  readonly fencedStores?: ((fence: Fence) => Stores) | undefined
  /** Told when what other keys encrypted was encrypted again. */
  readonly onRewrapped?: () => Promise<void>
  /** Of the repository that this one is a view of. */
  readonly shared?:
    | {
        readonly runKeys: RunKeys
        readonly writer: EventWriter
        readonly leading: SqlEventStoreOptions['leading']
      }
    | undefined
  readonly close: () => Promise<void>
}

/** A repository in tables, wherever they are: on this side the content of rows is objects. */
export class SqlRepository implements Repository {
  readonly #options: SqlRepositoryOptions
  readonly #stores: Stores
  readonly #log: Logger
  readonly #builds = new SerialQueue()
  readonly #runKeys: RunKeys
  readonly #writer: EventWriter
  readonly #events: SqlEventStore
  readonly #jobs: JobQueue

  constructor(options: SqlRepositoryOptions) {
    const { stores, log } = options
    this.#options = options
    this.#stores = stores
    this.#log = log
    this.#runKeys = options.shared?.runKeys.by(stores.runKeys) ?? new RunKeys(stores.runKeys, options.keys)
    const prepare = () => this.#runKeys.prepareEvents()
    const writer = options.shared?.writer ?? new EventWriter({ prepare, wakeUps: options.wakeUps })
    this.#writer = writer
    const { misses, process } = options
    const leading = options.shared?.leading
    this.#events = new SqlEventStore({ stores, keys: this.#runKeys, writer, misses, process, leading, log })
    this.#jobs = new SqlJobQueue({ stores, writer, events: this.#events, keys: this.#runKeys })
  }

  async store(type: string, { indexes = [], unique = [] }: TypeOptions = {}): Promise<ObjectStore> {
    const canonical = (property: string) => printPointer(parsePointer(property))
    const properties = [...new Set(['_id', ...indexes, ...unique].map(canonical))]
    const begin = performance.now()
    await this.#oneByOne(() => this.#stores.objects.ensureIndexes(type, properties))
    this.#log.debug({ type, indexes: properties, ms: Math.round(performance.now() - begin) }, 'objects are indexed')
    return new SqlObjectStore(this.#stores.objects, { type, unique: unique.map(canonical) }, this.#writer)
  }

  get fault(): string | undefined {
    return this.#options.fault()
  }

  links(): LinkStore {
    return this.#stores.links
  }

  runs(): RunStore {
    const [{ name, sharesRuns }, stores] = [this.#options, this.#stores]
    const participants = sharesRuns ? stores.participants : undefined
    return new SqlRunStore({ stores, keys: this.#runKeys, name, participants, log: this.#log })
  }

  sentValues(): SentValueStore {
    return this.#stores.sentValues
  }

  events(): EventStore {
    return this.#events
  }

  jobs(): JobQueue {
    return this.#jobs
  }

  incremental(): IncrementalStore {
    return this.#stores.incremental
  }

  captures(): CaptureStore {
    return new SqlCaptureStore(this.#stores.captures, this.#writer, this.process)
  }

  agreements(): AgreementStore {
    return new SqlAgreements(this.#stores.agreements)
  }

  get process(): string {
    return this.#options.process
  }

  ended(processes: readonly string[]): Promise<readonly string[]> {
    return this.#options.ended(processes)
  }

  rewrite(text: string, next: (content: JsonObject) => JsonObject): Promise<Rewriting> {
    const storeOf = (type: string) => new SqlObjectStore(this.#stores.objects, { type, unique: [] }, this.#writer)
    return rewriteObjects({ pages: this.#objectsWith(text), storeOf }, next)
  }

  async rewrapRunKeys(): Promise<{ count: number; failures: string[] }> {
    const rewrapped = await this.#runKeys.rewrap()
    await this.#options.onRewrapped?.()
    return rewrapped
  }

  get cluster(): Cluster | undefined {
    return this.#options.cluster
  }

  fenced(fence: Fence): Repository {
    const { fencedStores } = this.#options
    if (!fencedStores) return this
    const leading = { table: this.#stores.events, hasEnded: () => fence.remaining() <= 0 }
    const shared = { runKeys: this.#runKeys, writer: this.#writer, leading }
    return new SqlRepository({ ...this.#options, stores: fencedStores(fence), shared, close: async () => undefined })
  }

  async own(): Promise<void> {
    await this.#options.own?.()
  }

  close(): Promise<void> {
    return this.#options.close()
  }

  async *#objectsWith(text: string) {
    for (let after: number | undefined = 0; after !== undefined; ) {
      const page: { key: number; type: string; id: string }[] = await this.#stores.objects.withText(
        text,
        after,
        REWRITTEN_AT_ONCE,
      )
      yield page
      after = page.at(-1)?.key
    }
  }

  /** Two builds of one type would undo each other's work. */
  #oneByOne(build: () => Promise<void>): Promise<void> {
    const { alone } = this.#options
    return this.#builds.add(() => (alone ? alone('indexes', build) : build()))
  }
}
