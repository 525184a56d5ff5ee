import type { Disposable, JsonObject, Logger } from '../../contract.ts'
import { SerialQueue } from '../../core/serial-queue.ts'
import { parsePointer, printPointer } from '../../crest/pointer.ts'
import type { IncrementalStore } from '../incremental/incremental-store.ts'
import type { AgreementStore } from '../links/agreement-store.ts'
import type { LinkStore } from '../links/link-store.ts'
import type { ObjectStore, TypeOptions } from '../objects/object-store.ts'
import { type Rewriting, rewriteObjects } from '../objects/rewrite.ts'
import type { CaptureStore } from '../queue/capture-store.ts'
import type { EventStore } from '../queue/event-store.ts'
import type { JobQueue } from '../queue/job-queue.ts'
import type { Repository, RepositoryOptions } from '../repository.ts'
import type { RunStore } from '../runs/run-store.ts'
import type { SentValueStore } from '../runs/sent-value-store.ts'
import { SqliteAgreements } from './agreements.ts'
import { SqliteCaptureStore } from './capture-store.ts'
import { DatabaseFile } from './database/database-file.ts'
import { SqliteEventStore } from './event-store.ts'
import { SqliteJobQueue } from './job-queue.ts'
import { SqliteObjectStore } from './object-store.ts'
import { EventWriter } from './queue/event-writer.ts'
import { repositoryMetrics } from './repository-metrics.ts'
import { RunKeys } from './run-keys.ts'
import { SqliteRunStore } from './run-store.ts'
import { DatabaseConnection, storesOf } from './thread/connection.ts'
import type { Stores } from './worker/stores.ts'

const WINDOW = 1000
const MAX_LOCK_WAIT_MS = 5000
const REWRITTEN_AT_ONCE = 500

/** A repository in one file. All of SQLite runs in a thread of its own; on this side the content of rows is objects. */
export class SqliteRepository implements Repository {
  readonly #connection: DatabaseConnection
  readonly #stores: Stores
  readonly #file: DatabaseFile
  readonly #log: Logger
  readonly #alone: RepositoryOptions['alone']
  readonly #metrics: Disposable | undefined
  readonly #builds = new SerialQueue()
  readonly #runKeys: RunKeys
  readonly #writer: EventWriter
  readonly #events: SqliteEventStore
  readonly #jobs: JobQueue

  private constructor(
    connection: DatabaseConnection,
    file: DatabaseFile,
    { log, alone, keys }: RepositoryOptions,
    metrics?: Disposable,
  ) {
    this.#metrics = metrics
    this.#connection = connection
    this.#stores = storesOf<Stores>(connection)
    this.#file = file
    this.#log = log
    this.#alone = alone
    this.#runKeys = new RunKeys(this.#stores.runKeys, keys)
    this.#writer = new EventWriter({ prepare: () => this.#runKeys.prepareEvents() })
    const [stores, writer] = [this.#stores, this.#writer]
    this.#events = new SqliteEventStore(stores, this.#runKeys, writer, log)
    this.#jobs = new SqliteJobQueue({ stores, writer, events: this.#events, keys: this.#runKeys })
  }

  /**
   * Opens the file and brings its tables up to date.
   * @throws Error that names the file and says why it cannot be used
   */
  static async open(options: RepositoryOptions): Promise<SqliteRepository> {
    const { file, window = WINDOW, maxLockWaitMs = MAX_LOCK_WAIT_MS } = options
    const lost = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
    const metrics = options.metrics && repositoryMetrics(options.metrics)
    const connection = new DatabaseConnection(options.log, metrics?.measure)
    try {
      await connection.open({ file, lost, window, maxLockWaitMs })
    } catch (error) {
      await metrics?.dispose()
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`The repository ${file} cannot be opened: ${reason}`, { cause: error })
    }
    const watched = new DatabaseFile(file, lost)
    watched.opened()
    return new SqliteRepository(connection, watched, options, metrics)
  }

  async store(type: string, { indexes = [], unique = [] }: TypeOptions = {}): Promise<ObjectStore> {
    const canonical = (property: string) => printPointer(parsePointer(property))
    const properties = [...new Set(['_id', ...indexes, ...unique].map(canonical))]
    const begin = performance.now()
    await this.#oneByOne(() => this.#stores.objects.ensureIndexes(type, properties))
    this.#log.debug({ type, indexes: properties, ms: Math.round(performance.now() - begin) }, 'objects are indexed')
    return new SqliteObjectStore(this.#stores.objects, { type, unique: unique.map(canonical) }, this.#writer)
  }

  get fault(): string | undefined {
    return this.#connection.fault ?? this.#file.fault
  }

  links(): LinkStore {
    return this.#stores.links
  }

  runs(): RunStore {
    return new SqliteRunStore(this.#stores, this.#runKeys, this.#file.path, this.#log)
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
    return new SqliteCaptureStore(this.#stores.captures, this.#writer)
  }

  agreements(): AgreementStore {
    return new SqliteAgreements(this.#stores.agreements)
  }

  rewrite(text: string, next: (content: JsonObject) => JsonObject): Promise<Rewriting> {
    const storeOf = (type: string) => new SqliteObjectStore(this.#stores.objects, { type, unique: [] }, this.#writer)
    return rewriteObjects({ pages: this.#objectsWith(text), storeOf }, next)
  }

  rewrapRunKeys(): Promise<{ count: number; failures: string[] }> {
    return this.#runKeys.rewrap()
  }

  async close(): Promise<void> {
    await this.#metrics?.dispose()
    return this.#connection.close()
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
    const alone = this.#alone
    return this.#builds.add(() => (alone ? alone('indexes', build) : build()))
  }
}
