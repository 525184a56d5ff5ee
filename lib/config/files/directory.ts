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
import { Alarm } from './alarm.ts'
import { ErrorReport } from './error-report.ts'
import { describeFileFaults, faultsIn } from './fault.ts'
import { type ScannedFiles, scanDirectory } from './file-scan.ts'
import { fileOfObjectId, pidOf } from './naming.ts'
import { ObjectTable } from './object-table.ts'
import { ScanQueue } from './scan-queue.ts'
import type { Resolve, StoredObject } from './stored-object.ts'
import { Subscription } from './subscription.ts'
import { watchDirectory } from './watcher.ts'

export interface ConfigDirectoryOptions {
  readonly dir: string
  readonly log: Logger
  /** Replaces expressions and decrypts values. Throws an Error with a sentence for a person. Default: as it stands. */
  readonly resolve?: Resolve
}

/** Several events of one change are looked at together. */
const DEBOUNCE_MS = 20
/** How soon to look again at what has not settled. */
const RETRY_MS = 50

/**
 * The conf directory as configuration objects. It works from state, not from events: after any event everything is
 * scanned, and each consumer gets its complete set when something of it changed. A directory that cannot be read, or
 * that is gone, is an error and no deletion: what was in force stays.
 */
export class ConfigDirectory implements ConfigurationService, Disposable {
  /** Absolute. */
  readonly dir: string
  readonly #log: Logger
  readonly #table: ObjectTable
  readonly #subscriptions = new Set<Subscription>()
  readonly #queue = new ScanQueue((decisive) => this.#scan(decisive))
  readonly #alarm = new Alarm(() => void this.#lookAgain())
  readonly #started = Promise.withResolvers<void>()
  readonly #abort = new AbortController()
  readonly #errors: ErrorReport
  #files: ScannedFiles = new Map()
  #ignored: readonly string[] = []
  #settled = true
  #inService = false
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
   * Begins to watch; resolves when everything that is there is in force with the consumers so far. A file that looks
   * half written is given half a second.
   * @throws Error with a sentence for a person when the directory cannot be read
   */
  async start(): Promise<void> {
    this.#watcher = watchDirectory({ dir: this.dir, log: this.#log, onEvent: () => this.#alarm.set(DEBOUNCE_MS) })
    await this.#firstScan()
    this.#inService = true
    this.#started.resolve()
    await this.#deliver()
  }

  /**
   * Resolves when the first complete set was applied.
   * @throws what the consumer's first `apply` threw; it is no consumer then
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

  /** Looks at the directory now; resolves when everything read is in force with all consumers. */
  async rescan(): Promise<void> {
    await this.#queue.request(true)
    await this.#deliver()
  }

  /** Resolves every expression again, although no file changed: a value source did. */
  invalidate(): void {
    this.#table.invalidate()
    this.#alarm.set(DEBOUNCE_MS)
  }

  /** Ends watching; resolves when nothing of it runs any more. No consumer is called after that. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  dispose(): Promise<void> {
    return this.close()
  }

  /** All objects as of the last scan, those that could not be read included. */
  objects(): StoredObject[] {
    return this.#table.all()
  }

  /** The object with this canonical id as of the last scan. */
  find(id: string): StoredObject | undefined {
    return this.#table.find(id)
  }

  /** Where an object is stored, or would be. */
  fileOf(id: string): string {
    return join(this.dir, fileOfObjectId(id))
  }

  /** Duplicate members, and files that are ignored for their names: one sentence each. */
  warnings(): string[] {
    const ignored = this.#ignored.map((file) => `${file} is ignored: the extension must be .json in lower case`)
    const ofFiles = this.#table
      .all()
      .flatMap(({ file, content }) => (content.warnings ?? []).map((warning) => `${basename(file)}: ${warning}`))
    return [...ignored, ...ofFiles]
  }

  /**
   * What would keep `raw` from being taken into force: the faults that its expressions and its consumers find. Nothing
   * keeps an object that nobody processes.
   */
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

  /** What is not in force as it stands, by the name of its file: what cannot be read, and what its owner cannot use. */
  faults(): ReadonlyMap<string, readonly ConfigurationFileFault[]> {
    const ofOwners = [...this.#subscriptions].flatMap(({ consumer }) => consumer.faults?.() ?? [])
    const unread = this.#table
      .all()
      .flatMap(({ file, error }) => (error === undefined ? [] : [unreadFault(file, error)]))
    // The owner of what cannot be read says the same, and so may another owner.
    const distinct = new Map([...unread, ...ofOwners].map((fault) => [JSON.stringify(fault), fault]))
    return Map.groupBy(distinct.values(), ({ file }) => file)
  }

  /** Why the last set with this object could not be taken into force; undefined when it was. */
  failureOf(id: string): Error | undefined {
    const failed = this.#consumersOf(id).find(({ failure }) => failure)?.failure
    const faults = this.faults().get(fileOfObjectId(id))
    return failed ?? (faults && badRequest(describeFileFaults(faults)))
  }

  #consumersOf(id: string): Subscription[] {
    return [...this.#subscriptions].filter(({ consumer }) => consumer.factoryPid === pidOf(id))
  }

  async #lookAgain(): Promise<void> {
    try {
      await this.#queue.request(false)
      await this.#deliver()
    } catch (error) {
      this.#log.error({ err: error, dir: this.dir }, `looking at ${this.dir} failed`)
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
    try {
      const ignored: string[] = []
      this.#files = await scanDirectory(this.dir, this.#files, (file) => ignored.push(file))
      this.#ignored = ignored
    } catch (error) {
      return this.#reportFault(error as NodeJS.ErrnoException)
    }
    if (this.#fault !== undefined) this.#log.info({ dir: this.dir }, `${this.dir} can be read again`)
    this.#fault = undefined
    this.#settled = this.#table.update(this.#files, decisive)
    if (!this.#settled && this.#inService) this.#alarm.set(RETRY_MS)
  }

  /** Hands every consumer its set; resolves when all have it in force. */
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
    if (fault !== this.#fault && this.#inService) this.#log.error({ dir: this.dir }, `${fault}; what is in force stays`)
    this.#fault = fault
  }

  async #close(): Promise<void> {
    this.#abort.abort()
    this.#alarm.cancel()
    this.#started.reject(new Error('the configuration directory was closed'))
    await this.#watcher?.dispose()
    await this.#queue.idle()
    this.#alarm.cancel()
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()))
  }
}

/** The message of an object begins with the name of its file. */
const unreadFault = (path: string, error: string): ConfigurationFileFault => {
  const file = basename(path)
  return { file, pointer: [], reason: error.replace(`${file}: `, '') }
}

const DIRECTORY_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'is not a directory',
  EACCES: 'cannot be read: permission denied',
}
