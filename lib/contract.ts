/**
 * What a host (an IDM-like gateway) and a plugin promise each other. Types and service references only: this file
 * imports nothing but Node's own types, so a host can copy or import it without taking anything else.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** Version of this contract; a host refuses a plugin whose `contractVersion` has another major number. */
export const CONTRACT_VERSION = '1.0'

/** What JSON says. A number that a double cannot hold is a raw JSON value: `JSON.isRawJSON`, `JSON.rawJSON`. */
export type Json = null | boolean | number | string | Json[] | JsonObject
export type JsonObject = { [member: string]: Json }

/** The part of pino's logger that a plugin uses: an object with details, then a message. */
export interface Logger {
  trace(details: object, message?: string): void
  debug(details: object, message?: string): void
  info(details: object, message?: string): void
  warn(details: object, message?: string): void
  error(details: object, message?: string): void
}

/** Undoes what was acquired. Calling it twice is harmless. */
export interface Disposable {
  dispose(): void | Promise<void>
}

export type NextFunction = (error?: unknown) => void
/** The one shape that Express 4, Express 5, Nest and plain `node:http` all accept. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse, next: NextFunction) => void
/**
 * Makes the handler for a mount. `request.url` starts behind the mount (Express does this); a path that is not the
 * plugin's is answered by calling `next()`.
 */
export type RouterFactory = () => HttpHandler
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

export type Mount = '/openidm'

/** Names a service and carries its type. Two references with one id are the same service. */
export interface ServiceRef<T> {
  readonly id: string
  /** Carries the type; never present at run time. */
  readonly type?: T
}

export interface PluginContext {
  readonly id: string
  /** Absolute path of the directory that holds the configuration files. */
  readonly confDir: string
  readonly log: Logger
  /** Aborts when deactivation starts. */
  readonly signal: AbortSignal
  /** A service that plugin.json names under `requires` or `optional`; throws for any other, and for an absent one. */
  service<T>(ref: ServiceRef<T>): T
  /** The same for a service under `optional`: undefined when the host has none. */
  optionalService<T>(ref: ServiceRef<T>): T | undefined
  provide<T>(ref: ServiceRef<T>, implementation: T): Disposable
  /**
   * True when the host promises that whatever reaches a plugin's router on this mount was authenticated and allowed
   * by its access rules. A plugin that carries credentials refuses to start without this promise.
   */
  authenticates(mount: Mount): boolean
  /** Puts the router that `factory` makes on the host's mount, behind the host's authentication. */
  registerRouter(mount: Mount, factory: RouterFactory): Disposable
  /** Runs when the plugin is deactivated or its activation fails: last in, first out. */
  defer(label: string, cleanUp: () => void | Promise<void>): void
}

export interface PluginModule {
  activate(context: PluginContext): void | Promise<void>
  deactivate?(): void | Promise<void>
}

/** A configuration object as its owner knows it: one file in `conf/`, one resource under `/openidm/config`. */
export interface ConfigurationObject {
  /** `external.idm/eu`, or `sync` for an object that exists once. */
  readonly id: string
  /** The part behind the factory, `eu`; null for an object that exists once. */
  readonly alias: string | null
  /** Where it was read from, for messages: an absolute path. */
  readonly file: string
  /** The content with every expression resolved, or undefined when it could not be read: see `error`. */
  readonly content?: JsonObject
  /** The content as it stands in the file, where that differs: what messages show, since an expression may stand for a secret. */
  readonly raw?: JsonObject
  /** One sentence for a person: why the object could not be read. The owner keeps the last good one in force. */
  readonly error?: string
}

/** What is wrong with a configuration object. It shows nothing that an expression stands for. */
export interface ConfigurationFault {
  /** Names from the outside in; empty for the object as a whole. */
  readonly pointer: readonly string[]
  /** What is allowed there, or what is missing: part of a sentence for a person. */
  readonly reason: string
  /** In a script. */
  readonly line?: number
}

export interface ConfigurationFileFault extends ConfigurationFault {
  /** The name of the file in the configuration directory. */
  readonly file: string
}

/** A text is a sentence that begins with the key: `connectionTimeout: must be …`. */
export type ConfigurationFaults = readonly (string | ConfigurationFault)[]

/** Takes configuration objects into force. */
export interface ConfigurationConsumer {
  /** `external.idm`: all objects of this factory; `sync`: the object that exists once. */
  readonly factoryPid: string
  /**
   * Judges content before it is stored over REST, as strictly as `apply` will: what passes comes into force.
   * @param raw the same as it stands in the file, for messages
   * @returns each fault, naming key and valid values; empty when all is well
   */
  validate(id: string, content: JsonObject, raw?: JsonObject): ConfigurationFaults | Promise<ConfigurationFaults>
  /** Called with the complete set, first at subscription and then after each change; resolves when it is in force. */
  apply(objects: readonly ConfigurationObject[]): Promise<void>
  /** What is not in force as it stands in the files, for the host's status. The last good state is in force instead. */
  faults?(): readonly ConfigurationFileFault[]
}

/** The host's configuration: who owns `conf/`. */
export interface ConfigurationService {
  /** Resolves when the first complete set was applied. */
  subscribe(consumer: ConfigurationConsumer): Promise<Disposable>
}

/** What the processes of a host have in common that runs as several; a host of one process need not provide it. */
export interface HostProcesses {
  /** The same in all processes of the host, and in no other host: letters and digits. */
  readonly hostId: string
  /**
   * Runs `work` in one process at a time for each key; those that ask for the same meanwhile, in whatever process, get
   * what came of it. An error keeps its `code` and `message` on the way.
   */
  share(key: string, work: () => Promise<Json>): Promise<Json>
}

export const hostProcessesService: ServiceRef<HostProcesses> = { id: 'processes' }

export const configurationService: ServiceRef<ConfigurationService> = { id: 'configuration' }
