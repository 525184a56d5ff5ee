/** The public API of openidm-external-idm. */
import './require-node.js'
import type { LookupFunction } from 'node:net'
import { resolve } from 'node:path'
import type { AuthorizeManagement, Changes, HttpHandler, Logger, MetricsRegistry, Synchronization } from './contract.ts'
import { silentLog } from './core/log.ts'
import { Scope } from './core/scope.ts'
import { conflict } from './crest/errors.ts'
import type { Connection } from './crest/protocol/connection.ts'
import { serveManagement, startEmbeddedSynchronization, startScripts } from './embedded/embedded.ts'
import { type Capturing, type ExternalIdm, startExternalIdm } from './external-idm.ts'
import type { Authorize } from './proxy/authorize.ts'
import type { InstanceStatus } from './remote/instance/registry.ts'

import { notifier } from './sync/live/notifier.ts'

export { type ConsoleOptions, consoleRouter } from './console/router.ts'
export type { ConsoleSignIn } from './console/sign-in.ts'
export type * from './contract.ts'
export {
  CONTRACT_VERSION,
  changeCaptureService,
  changesService,
  configurationService,
  hostProcessesService,
  managementAccessService,
  metricsService,
  synchronizationService,
} from './contract.ts'
export { ResourceException } from './crest/errors.ts'
export type { Connection, Fields, Params } from './crest/protocol/connection.ts'
export { registryOf } from './crest/protocol/connection.ts'
export type { RequestContext, ResourceHandler, ResourceRequest } from './crest/protocol/request.ts'
export type { ResourceRegistry } from './crest/protocol/router.ts'
export { ResourceRouter, resourcesService } from './crest/protocol/router.ts'
export { activate } from './plugin.ts'
export type { Authorize, Verdict } from './proxy/authorize.ts'
export type { InstanceState, InstanceStatus } from './remote/instance/registry.ts'
export type { RunOptions, Script, ScriptOutcome, ScriptResult, ScriptService } from './script/main/engine.ts'
export { scriptsService } from './script/main/engine.ts'
export { scriptResource } from './script/rest/resource.ts'

export interface SyncOptions {
  /**
   * Path of the SQLite database with links, runs and plans; created with its folder. One process at a time uses the
   * databases of a folder.
   */
  readonly db: string
}

export interface ScriptsOptions {
  /** Whether `script?_action=eval` and the patch operation `transform` are served. Default: false. */
  readonly eval?: boolean
}

export interface ExternalIdmOptions {
  /** Directory with `external.idm-NAME.json`, one file per remote instance; watched for changes. */
  readonly confDir: string
  /** Authorizes each request before any other processing: true, 401 or 403. */
  readonly authorize?: Authorize
  /** Allows everyone who can reach the port to use the credentials of the instances. Logs a warning at startup. */
  readonly dangerouslyAllowUnauthenticated?: boolean
  /**
   * Decides about requests to `recon`, `sync`, `audit/recon`, `repo/link`, `config` and `script`, which are served only
   * with it. It has no default, and `authorize` does not stand for it. What it throws is logged; the answer is then 500
   * without details.
   */
  readonly authorizeManagement?: AuthorizeManagement
  /**
   * Mappings and reconciliation: `sync.json` and `mapping-NAME.json` of `confDir`. Requires `authorizeManagement`;
   * `() => false` leaves them to code.
   */
  readonly sync?: SyncOptions
  /** Scripts over HTTP. Scripts of mappings need no option. */
  readonly scripts?: ScriptsOptions
  /** Additional trusted certificates. Default: `security/truststore` next to `confDir`. */
  readonly truststore?: string
  /** Password of a PKCS12 or JKS trust store. Default: the property `openidm.truststore.password`, else `changeit`. */
  readonly truststorePassword?: string
  /** Whether to trust the system's certificate authorities. Default: true. */
  readonly systemRoots?: boolean
  /** Environment for expressions (`&{…}`), keys and forward proxies. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Resolves host names, as `lookup` of `net.connect`. Default: the system. */
  readonly lookup?: LookupFunction
  /** Whether to forward X-ForgeRock-TransactionId from callers to the remotes. Default: false. */
  readonly trustTransactionId?: boolean
  /** Gets the metrics of the instances: a `Registry` of prom-client. Default: none. */
  readonly metrics?: MetricsRegistry
  /** A pino-compatible logger. Default: no logging. */
  readonly log?: Logger
}

export interface MountedExternalIdm {
  /** For `app.use('/openidm', router)`, or a request handler for plain `http`. Calls `next()` for other paths. */
  readonly router: HttpHandler
  /** The current instances, without secrets. */
  instances(): InstanceStatus[]
  /** In-process access to the resources: `external/idm/NAME/…`, and those that are served with `sync`. */
  readonly openidm: Connection
  /** Runs a reconciliation. @throws ResourceException 409 also without the option `sync` */
  readonly reconcile: Synchronization['reconcile']
  /** Carries a change over that the application has made: see `Changes`. @throws ResourceException 409 without the option `sync` */
  readonly notify: Changes['notify']
  /**
   * Interrupts reconciliations and waits for their rows in flight, stops watching, waits up to 10 s for requests in flight,
   * and closes the database and all connections.
   */
  close(): Promise<void>
  /** The same as `close`. */
  dispose(): Promise<void>
}

/**
 * Creates a router to the remote instances of a conf directory, for Express 4 or 5 or plain `http`. Resolves when the
 * existing instances are in force.
 * @throws TypeError without `authorize` and `dangerouslyAllowUnauthenticated`, and with `sync` or `scripts` without
 *   `authorizeManagement` (docs/pitfalls.md#open-router); Error if another process uses the database
 */
export async function externalIdm(options: ExternalIdmOptions): Promise<MountedExternalIdm> {
  const log = options.log ?? silentLog
  const authorize = authorizeOf(options, log)
  requireManagement(options)
  const confDir = resolve(options.confDir)
  const scope = new Scope(log)
  const capturing: Capturing = { capture: undefined }
  try {
    const started = await startExternalIdm(scope, {
      confDir,
      configuration: undefined,
      authorize,
      behindMount: false,
      truststore: {
        path: options.truststore === undefined ? undefined : resolve(options.truststore),
        password: options.truststorePassword,
        systemRoots: options.systemRoots,
      },
      env: options.env ?? process.env,
      lookup: options.lookup,
      trustTransactionId: options.trustTransactionId ?? false,
      metrics: options.metrics,
      capture: () => capturing.capture,
      contextOf: () => ({}),
      log,
    })
    const close = () => scope.dispose()
    const instances = () => [...started.registry.statuses()]
    const openidm = started.resources.connect()
    return { ...(await startManagement(scope, started, options, capturing)), openidm, instances, close, dispose: close }
  } catch (error) {
    await scope.dispose()
    throw error
  }
}

/** Scripts, synchronization and configuration, as far as they are asked for. */
async function startManagement(
  scope: Scope,
  started: ExternalIdm,
  { sync, scripts, authorizeManagement: authorize }: ExternalIdmOptions,
  capturing: Capturing,
): Promise<Pick<MountedExternalIdm, 'router' | 'reconcile' | 'notify'>> {
  const engine = sync || scripts?.eval ? await startScripts(scope, started) : undefined
  const parts = sync && engine && { ...started, scripts: engine, db: resolve(sync.db), requiresRoutes: true }
  const synchronization = parts && scope.own('synchronization', await startEmbeddedSynchronization(parts))
  capturing.capture = synchronization?.capture
  const missing = async () => Promise.reject(conflict(NO_SYNC))
  const reconcile = synchronization?.reconcile ?? missing
  const notify = synchronization ? notifier(() => synchronization.live).notify : missing
  if (!authorize) return { router: started.router, reconcile, notify }
  const evaluator = scripts?.eval ? engine : undefined
  const served = { ...started, synchronization, evaluator, authorize, behindMount: false }
  return { router: inTurn(started.router, serveManagement(scope, served)), reconcile, notify }
}

const NO_SYNC = 'There is no synchronization: start externalIdm with the option "sync", { db: PATH }'

const inTurn =
  (first: HttpHandler, second: HttpHandler): HttpHandler =>
  (request, response, next) =>
    first(request, response, (error) =>
      error === undefined || error === null ? second(request, response, next) : next(error),
    )

function requireManagement({ sync, scripts, authorizeManagement }: ExternalIdmOptions): void {
  if (typeof authorizeManagement === 'function') return
  if (authorizeManagement === undefined && !sync && !scripts?.eval) return
  throw new TypeError(
    'externalIdm: the option "authorizeManagement" is required with "sync" and "scripts.eval", and must be a function: ' +
      '(request, { resource, method, action }) => true | 401 | 403. It decides who may start reconciliations, read plans and change the configuration; nothing ' +
      'is allowed by default. Use () => false to reconcile from code only',
  )
}

function authorizeOf({ authorize, dangerouslyAllowUnauthenticated }: ExternalIdmOptions, log: Logger): Authorize {
  if (authorize) return authorize
  if (dangerouslyAllowUnauthenticated !== true) {
    throw new TypeError(
      'externalIdm: the option "authorize" is required: (request) => true | 401 | 403. Without it, everyone who can ' +
        'reach the router could use the credentials of the remote instances',
    )
  }
  const message =
    'dangerouslyAllowUnauthenticated: everyone who can reach this port can use the credentials of the instances'
  log.warn({}, message)
  process.emitWarning(`openidm-external-idm: ${message}`)
  return () => true
}
