import { basename, join, resolve as toAbsolute } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type {
  ConfigurationConsumer,
  ConfigurationFileFault,
  ConfigurationService,
  Disposable,
  JsonObject,
  Logger,
} from '../../contract.ts'
import type { Awaitable } from '../../core/awaitable.ts'
import { badRequest } from '../../crest/errors.ts'
import { CoalescingQueue } from './coalescing-queue.ts'
import { Debouncer } from './debouncer.ts'
import { ErrorReport } from './error-report.ts'
import { describeFileFaults, distinct, doubtfulNotice, faultsIn, ignoredNotice } from './fault.ts'
import { type ScannedFiles, scanDirectory } from './file-scan.ts'
import { fileOfObjectId, pidOf } from './naming.ts'
import { ObjectTable } from './object-table.ts'
import type { Resolve, StoredObject } from './stored-object.ts'
import { Subscription } from './subscription.ts'
import { watchDirectory } from './watcher.ts'

export interface ConfigDirectoryOptions {
  readonly dir: string
  readonly log: Logger
  /**
   * Resolves expressions and decrypts values. Throws an Error with a one-sentence message. Default: returns the content
   * unchanged.
   */
  readonly resolve?: Resolve
}

/** Combines the events of one change. */
const DEBOUNCE_MS = 20
/** Delay of the next scan while files are unsettled. */
const RETRY_MS = 50

/**
 * The conf directory as configuration objects. Level-triggered: any event causes a complete scan, and each consumer
 * with changes receives its complete set. A directory that is missing or cannot be read is an error, not a deletion:
 * the last valid version stays in force.
 */
export class ConfigDirectory implements ConfigurationService, Disposable {
  /** Absolute. */
  readonly dir: string
  readonly #log: Logger
  readonly #table: ObjectTable
  readonly #subscriptions = new Set<Subscription>()
  readonly #queue = new CoalescingQueue((decisive) => this.#scan(decisive))
  readonly #rescanTimer = new Debouncer(() => void this.#rescanAndDeliver())
  readonly #started = Promise.withResolvers<void>()
  readonly #abort = new AbortController()
  readonly #errors: ErrorReport
  #files: ScannedFiles = new Map()
  #ignored: readonly string[] = []
  #settled = true
  #inService = false
  #scans = 0
  #fault: string | undefined
  #watcher: Disposable | undefined
  #closing: Promise<void> | undefined

  constructor({ dir, log, resolve }: ConfigDirectoryOptions) {
    this.dir = toAbsolute(dir)
    this.#log = log
    this.#table = new ObjectTable(resolve ?? ((content) => content))
    this.#errors = new ErrorReport(log)
    this.#started.promise.catch(() => undefined)
  }

  /**
   * Starts watching; resolves when all objects are in force at the current consumers. A file that looks incomplete gets
   * half a second to settle.
   * @throws Error with a one-sentence message if the directory cannot be read
   */
  async start(): Promise<void> {
    this.#watcher = watchDirectory({
      dir: this.dir,
      log: this.#log,
      onEvent: () => this.#rescanTimer.schedule(DEBOUNCE_MS),
    })
    await this.#firstScan()
    this.#inService = true
    this.#started.resolve()
    await this.#deliver()
  }

  /**
   * Resolves when the first complete set is applied.
   * @throws the error of the consumer's first `apply`; the subscription ends then
   */
  async subscribe(consumer: ConfigurationConsumer): Promise<Disposable> {
    const subscription = new Subscription(consumer, this.#log)
    this.#subscriptions.add(subscription)
    const dispose = () => {
      this.#subscriptions.delete(subscription)
      return subscription.close()
    }
    await this.#started.promise
    await this.#offer(subscription)
    if (!subscription.failure) return { dispose }
    await dispose()
    throw subscription.failure
  }

  /** Scans the directory now; resolves when the result is in force at all consumers. */
  async rescan(): Promise<void> {
    await this.#queue.request(true)
    await this.#deliver()
  }

  /** Resolves all expressions again after a value source has changed. */
  invalidate(): void {
    this.#table.invalidate()
    this.#rescanTimer.schedule(DEBOUNCE_MS)
  }

  /** Stops watching; resolves when all work has ended. No consumer is called afterwards. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  dispose(): Promise<void> {
    return this.close()
  }

  /** How often the directory was scanned. */
  get scans(): number {
    return this.#scans
  }

  /** All objects of the last scan, including unreadable ones. */
  objects(): StoredObject[] {
    return this.#table.all()
  }

  /** The object with this canonical id in the last scan. */
  find(id: string): StoredObject | undefined {
    return this.#table.find(id)
  }

  /** The path of an object, whether it exists or not. */
  fileOf(id: string): string {
    return join(this.dir, fileOfObjectId(id))
  }

  /** Warnings about duplicate members and ignored file names, one sentence each. */
  warnings(): string[] {
    const ignored = this.#ignored.map((file) => `${file} is ignored: the extension must be .json in lower case`)
    const ofFiles = this.#table
      .all()
      .flatMap(({ file, content }) => (content.warnings ?? []).map((warning) => `${basename(file)}: ${warning}`))
    return [...ignored, ...ofFiles]
  }

  /** Validates `raw` with the resolver and its consumers. Objects without a consumer have no faults. */
  judge(id: string, raw: JsonObject): Awaitable<ConfigurationFileFault[]> {
    const consumers = this.#consumersOf(id)
    if (consumers.length === 0) return []
    const file = this.fileOf(id)
    let content: JsonObject
    try {
      content = this.#table.resolve(raw, file)
    } catch (error) {
      return faultsIn({ file }, [(error as Error).message])
    }
    const found = Promise.all(consumers.map(async ({ consumer }) => consumer.validate(id, content, raw)))
    return found.then((faults) => faultsIn({ file, raw, content }, faults.flat()))
  }

  /** Faults by file name: objects that cannot be read, or that their consumers reject. */
  faults(): ReadonlyMap<string, readonly ConfigurationFileFault[]> {
    const ofOwners = [...this.#subscriptions].flatMap(({ consumer }) => consumer.faults?.() ?? [])
    // The owner of what cannot be read says the same, and so may another owner.
    return Map.groupBy(distinct([...ofOwners, ...this.#unread()]), ({ file }) => file)
  }

  /** What has no effect although nothing is wrong with it, and what is hardly meant. */
  notices(): ConfigurationFileFault[] {
    const ofOwners = [...this.#subscriptions].flatMap(({ consumer }) => consumer.notices?.() ?? [])
    const ignored = this.#ignored.map((file) => ignoredNotice(file))
    const doubtful = this.#table
      .all()
      .flatMap(({ file, content }) => (content.warnings ?? []).map((reason) => doubtfulNotice(basename(file), reason)))
    return [...distinct([...ofOwners, ...ignored, ...doubtful])]
  }

  /** The files that no consumer reads. */
  unused(): string[] {
    return this.#table.all().flatMap(({ name, file }) => (this.#consumersOf(name.id).length > 0 ? [] : basename(file)))
  }

  /** The error of the last set with this object; undefined if it is in force. */
  failureOf(id: string): Error | undefined {
    const failed = this.#consumersOf(id).find(({ failure }) => failure)?.failure
    const faults = this.faults().get(fileOfObjectId(id))
    return failed ?? (faults && badRequest(describeFileFaults(faults)))
  }

  #unread(): ConfigurationFileFault[] {
    return this.#table.all().flatMap(({ file, error }) => (error === undefined ? [] : [unreadFault(file, error)]))
  }

  #consumersOf(id: string): Subscription[] {
    return [...this.#subscriptions].filter(({ consumer }) => consumer.factoryPid === pidOf(id))
  }

  async #rescanAndDeliver(): Promise<void> {
    try {
      await this.#queue.request(false)
      await this.#deliver()
    } catch (error) {
      this.#log.error({ err: error, dir: this.dir }, `scan of ${this.dir} failed`)
    }
  }

  async #firstScan(): Promise<void> {
    await this.#queue.request(true)
    while (!this.#settled && !this.#closing) {
      await delay(RETRY_MS, undefined, { signal: this.#abort.signal }).catch(() => undefined)
      await this.#queue.request(true)
    }
    if (this.#fault === undefined) return
    const failure = new Error(this.#fault)
    this.#started.reject(failure)
    await this.close()
    throw failure
  }

  async #scan(decisive: boolean): Promise<void> {
    if (this.#closing) return
    this.#scans += 1
    try {
      const ignored: string[] = []
      this.#files = await scanDirectory(this.dir, this.#files, (file) => ignored.push(file))
      this.#ignored = ignored
    } catch (error) {
      return this.#reportFault(error as NodeJS.ErrnoException)
    }
    if (this.#fault !== undefined) this.#log.info({ dir: this.dir }, `${this.dir} is readable again`)
    this.#fault = undefined
    this.#settled = this.#table.update(this.#files, decisive)
    if (!this.#settled && this.#inService) this.#rescanTimer.schedule(RETRY_MS)
  }

  /** Passes each consumer its set; resolves when all are in force. */
  async #deliver(): Promise<void> {
    if (!this.#inService || this.#closing) return
    this.#errors.update(this.#table.all(), this.warnings())
    await Promise.all([...this.#subscriptions].map((subscription) => this.#offer(subscription)))
  }

  #offer(subscription: Subscription): Promise<void> {
    const objects = this.#table.objectsOf(subscription.consumer.factoryPid)
    this.#errors.update(this.#table.all(), this.warnings())
    return subscription.offer(objects)
  }

  #reportFault({ code, message }: NodeJS.ErrnoException): void {
    const fault = `the configuration directory ${this.dir} ${DIRECTORY_FAULTS[code ?? ''] ?? `cannot be read: ${message}`}`
    if (fault !== this.#fault && this.#inService)
      this.#log.error({ dir: this.dir }, `${fault}; the last valid version stays in force`)
    this.#fault = fault
  }

  async #close(): Promise<void> {
    this.#abort.abort()
    this.#rescanTimer.cancel()
    this.#started.reject(new Error('the configuration directory is closed'))
    await this.#watcher?.dispose()
    await this.#queue.idle()
    this.#rescanTimer.cancel()
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()))
  }
}

/** The message of an object starts with its file name. */
const unreadFault = (path: string, error: string): ConfigurationFileFault => {
  const file = basename(path)
  return { file, pointer: [], reason: error.replace(`${file}: `, '') }
}

const DIRECTORY_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'is not a directory',
  EACCES: 'cannot be read: permission denied',
}
