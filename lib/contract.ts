/**
 * The contract between a host (an IDM-like gateway) and its plugins. Types and service references only: this file
 * imports nothing but Node's own types, so hosts can copy or import it alone.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** Version of this contract; a host rejects plugins whose `contractVersion` has a different major version. */
export const CONTRACT_VERSION = '1.0'

/** A JSON value. A number that a double cannot represent is a raw JSON value: `JSON.isRawJSON`, `JSON.rawJSON`. */
export type Json = null | boolean | number | string | Json[] | JsonObject
export type JsonObject = { [member: string]: Json }

/** The subset of pino's logger that plugins use: an object with details, then a message. */
export interface Logger {
  trace(details: object, message?: string): void
  debug(details: object, message?: string): void
  info(details: object, message?: string): void
  warn(details: object, message?: string): void
  error(details: object, message?: string): void
}

/** Releases a resource. Idempotent. */
export interface Disposable {
  dispose(): void | Promise<void>
}

export type NextFunction = (error?: unknown) => void
/** A handler as Express 4, Express 5, Nest and plain `node:http` accept it. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse, next: NextFunction) => void
/**
 * Creates the handler for a mount. `request.url` is relative to the mount, as in Express; for other paths the handler
 * calls `next()`.
 */
export type RouterFactory = () => HttpHandler
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

export type Mount = '/openidm'

/** Identifies a service and carries its type. References with the same id are the same service. */
export interface ServiceRef<T> {
  readonly id: string
  /** For the type only; never set at run time. */
  readonly type?: T
}

export interface PluginContext {
  readonly id: string
  /** Absolute path of the configuration directory. */
  readonly confDir: string
  readonly log: Logger
  /** Aborted when deactivation starts. */
  readonly signal: AbortSignal
  /**
   * Returns a service that plugin.json lists under `requires` or `optional`; throws if it is not listed or not
   * available.
   */
  service<T>(ref: ServiceRef<T>): T
  /** Returns a service that plugin.json lists under `optional`; undefined if the host has none. */
  optionalService<T>(ref: ServiceRef<T>): T | undefined
  provide<T>(ref: ServiceRef<T>, implementation: T): Disposable
  /**
   * Whether the host guarantees that all requests to plugin routers on this mount are authenticated and permitted by
   * its access rules. Plugins that hold credentials refuse to start without this guarantee.
   */
  authenticates(mount: Mount): boolean
  /** Registers the router of `factory` on the mount, behind the host's authentication. */
  registerRouter(mount: Mount, factory: RouterFactory): Disposable
  /** Registers clean-up for deactivation or a failed activation; runs in reverse order. */
  defer(label: string, cleanUp: () => void | Promise<void>): void
}

export interface PluginModule {
  activate(context: PluginContext): void | Promise<void>
  deactivate?(): void | Promise<void>
}

/** A configuration object as its consumer receives it: one file in `conf/`, one resource under `/openidm/config`. */
export interface ConfigurationObject {
  /** `external.idm/eu`, or `sync` for a singleton. */
  readonly id: string
  /** The part after the factory, `eu`; null for a singleton. */
  readonly alias: string | null
  /** Absolute path of its file, for messages. */
  readonly file: string
  /** The content with all expressions resolved; undefined if it could not be read: see `error`. */
  readonly content?: JsonObject
  /** The content as in the file, if different. Messages show this form, since expressions may stand for secrets. */
  readonly raw?: JsonObject
  /** Why the object could not be read, as a sentence. Its last valid version stays in force. */
  readonly error?: string
}

/** A fault of a configuration object. It contains no resolved values. */
export interface ConfigurationFault {
  /** Path of member names from the root; empty for the whole object. */
  readonly pointer: readonly string[]
  /** The valid form, or what is missing: part of a sentence. */
  readonly reason: string
  /** Line number in a script. */
  readonly line?: number
  /** What to do about it. */
  readonly cure?: string
}

export interface ConfigurationFileFault extends ConfigurationFault {
  /** File name in the configuration directory. */
  readonly file: string
  /** What is in force instead. */
  readonly consequence?: string
}

/** A string is a sentence that starts with the key: `connectionTimeout: must be …`. */
export type ConfigurationFaults = readonly (string | ConfigurationFault)[]

/** Applies configuration objects. */
export interface ConfigurationConsumer {
  /** `external.idm`: all objects of this factory; `sync`: the singleton. */
  readonly factoryPid: string
  /**
   * Validates content before it is stored over REST, as strictly as `apply`.
   * @param raw the content as in the file, for messages
   * @returns all faults with key and valid values; empty if valid
   */
  validate(id: string, content: JsonObject, raw?: JsonObject): ConfigurationFaults | Promise<ConfigurationFaults>
  /** Called with the complete set on subscription and after each change; resolves when it is in force. */
  apply(objects: readonly ConfigurationObject[]): Promise<void>
  /** Current faults, for the status of the host. The last valid version stays in force meanwhile. */
  faults?(): readonly ConfigurationFileFault[]
  /** What has no effect although nothing is wrong with it, for a person. */
  notices?(): readonly ConfigurationFileFault[]
}

/** The configuration service of the host. */
export interface ConfigurationService {
  /** Resolves when the first complete set is applied. */
  subscribe(consumer: ConfigurationConsumer): Promise<Disposable>
}

/** Coordination between the processes of a multi-process host; a host with one process need not provide it. */
export interface HostProcesses {
  /** Identifies the host: equal in all its processes, unique among hosts; letters and digits. */
  readonly hostId: string
  /**
   * Runs `work` in one process at a time per key. Calls with the same key that arrive meanwhile, in any process,
   * receive its result. Errors keep `code` and `message`.
   */
  share(key: string, work: () => Promise<Json>): Promise<Json>
}

/** Settings of one reconciliation. */
export interface ReconcileOptions {
  /** Makes a plan and writes nothing. The plan is kept as `recon/plan/ID` until the mapping has made newer ones. */
  readonly dryRun?: boolean
  /** Ids of the source objects. Default: all. */
  readonly ids?: readonly string[]
  /** Asks only for what changed since the last good run, as `incremental` of the mapping says. */
  readonly changed?: boolean
  /** Settings that replace those of the mapping, as in the body of `recon?_action=recon`: `{ maxDeletes: 10 }`. */
  readonly overrides?: JsonObject
  /** Cancels the run, which then ends with the state `CANCELED`. */
  readonly signal?: AbortSignal
}

/** The mappings of `conf/sync.json` and `conf/mapping-NAME.json`. */
export interface Synchronization {
  /**
   * Runs a reconciliation; one at a time for each mapping.
   * @returns the ended run, as `recon/ID` shows it: `state` is `SUCCESS`, `FAILED` or `CANCELED`
   * @throws ResourceException 409 when there is no such mapping, it has a fault, or it is running; the reason of
   *   `signal` when that is aborted already
   */
  reconcile(mapping: string, options?: ReconcileOptions): Promise<JsonObject>
}

export const synchronizationService: ServiceRef<Synchronization> = { id: 'sync' }

/** A change of an object that is the source of mappings. */
export interface SourceChange {
  readonly action: 'create' | 'update' | 'delete'
  /** The path that mappings name as their source, such as `managed/user`. */
  readonly collection: string
  readonly resourceId: string
  /** The object before and after, with `_id` and `_rev`; null or absent = there was none, or it is not known. */
  readonly oldObject?: JsonObject | null
  readonly newObject?: JsonObject | null
}

/** Implicit synchronization of objects that the host, or another system, has written. */
export interface Changes {
  /**
   * Carries a change over in all mappings with this source, one after the other, up to the first that fails; those with a
   * queue do so later. What is carried over is the object as it is by then: call it after the write.
   * @returns `{success, action, syncDetails}`, as the variable `syncResults` of the managed hook `onSync`
   * @throws ResourceException 400 when the change is not one, 503 when the host is about to stop. Targets that fail are
   *   no error: they are among `syncDetails`, with `result` = `FAILED`
   */
  notify(change: SourceChange): Promise<JsonObject>
}

export const changesService: ServiceRef<Changes> = { id: 'changes' }

/** A request to a remote, exactly as it will be sent. */
export interface OutgoingRequest {
  /** Name of the instance. */
  readonly instance: string
  readonly method: string
  /** Relative to the base path of the instance, percent-encoded as it is sent, with its query. */
  readonly path: string
  readonly transactionId?: string | undefined
  /** The account that caused it, if known. */
  readonly userId?: string | undefined
  /** The hops of synchronization that led to it. */
  readonly syncChain?: readonly string[] | undefined
}

/** What becomes of a captured request. Exactly one of `answered`, `unsent` and `lost` is called; only the first call counts. */
export interface CapturedRequest {
  /** Whether `answered` needs the body of a response with this status. */
  needsBody(status: number): boolean
  /** @param body of the response, decoded; undefined if it was not needed, or could not be read */
  answered(status: number, body?: string): void
  /** The request did not leave, so that the remote has not changed. */
  unsent(): void
  /** There is no response, though the remote may have carried the request out. */
  lost(): void
}

/** Notes requests that change a remote, for mappings with `captureChanges`. */
export interface ChangeCapture {
  /**
   * Called before a request is sent, which waits until it is noted on the disk.
   * @returns undefined if no mapping captures what the request may change
   * @throws ResourceException 503 if it cannot be noted: it must not be sent
   */
  intend(request: OutgoingRequest): Promise<CapturedRequest> | undefined
}

export const changeCaptureService: ServiceRef<ChangeCapture> = { id: 'change-capture' }

/** One operation that a request performs. */
export interface ManagementOperation {
  /** The path below the mount, decoded, without slashes at its ends: `recon`, `config/external.idm/eu`. */
  readonly resource: string
  readonly method: 'create' | 'read' | 'update' | 'patch' | 'delete' | 'query' | 'action'
  /** `recon`, `cancel`, `eval`; only with the method `action`. */
  readonly action?: string
}

/** The account that sends a request: runs and plans name it, and `approverMustDiffer` compares it. */
export interface ManagementCaller {
  /** Names one account for good, such as a login name. */
  readonly id: string
}

export type ManagementVerdict = boolean | 401 | 403 | ManagementCaller

/**
 * Decides about requests to `recon`, `sync`, `audit/recon`, `repo/link`, `config` and `script`, before anything else of
 * them is read. A request with two operations (a PUT that creates or updates) needs both.
 * @returns true, or the caller = allowed; 401 = not authenticated; anything else = not allowed
 */
export type AuthorizeManagement = (
  request: IncomingMessage,
  operation: ManagementOperation,
) => ManagementVerdict | Promise<ManagementVerdict>

/** The access rules of a host for management requests. Without it, a plugin serves none of them. */
export interface ManagementAccess {
  readonly authorize: AuthorizeManagement
}

export const managementAccessService: ServiceRef<ManagementAccess> = { id: 'management-access' }

/** Where plugins register their metrics: a `Registry` of prom-client. */
export interface MetricsRegistry {
  /** @param metric has `name`, and `get()`, which resolves with its values as `getMetricsAsJSON()` of prom-client shows them */
  registerMetric(metric: object): void
  removeSingleMetric(name: string): void
}

export const metricsService: ServiceRef<MetricsRegistry> = { id: 'metrics' }

export const hostProcessesService: ServiceRef<HostProcesses> = { id: 'processes' }

export const configurationService: ServiceRef<ConfigurationService> = { id: 'configuration' }
