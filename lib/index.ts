/** The public API of openidm-external-idm. */
import './require-node.js'
import type { LookupFunction } from 'node:net'
import { resolve } from 'node:path'
import type { HttpHandler, Logger } from './contract.ts'
import { silentLog } from './core/log.ts'
import { Scope } from './core/scope.ts'
import { startExternalIdm } from './external-idm.ts'
import type { Authorize } from './proxy/authorize.ts'
import type { InstanceStatus } from './remote/instance/registry.ts'

export type * from './contract.ts'
export { CONTRACT_VERSION, configurationService, hostProcessesService } from './contract.ts'
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

export interface ExternalIdmOptions {
  /** Directory with `external.idm-NAME.json`, one file per remote instance; watched for changes. */
  readonly confDir: string
  /** Authorizes each request before any other processing: true, 401 or 403. */
  readonly authorize?: Authorize
  /** Allows everyone who can reach the port to use the credentials of the instances. Logs a warning at startup. */
  readonly dangerouslyAllowUnauthenticated?: boolean
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
  /** A pino-compatible logger. Default: no logging. */
  readonly log?: Logger
}

export interface MountedExternalIdm {
  /** For `app.use('/openidm', router)`, or a request handler for plain `http`. Calls `next()` for other paths. */
  readonly router: HttpHandler
  /** The current instances, without secrets. */
  instances(): InstanceStatus[]
  /** Stops watching, waits up to 10 s for requests in flight, and closes all connections. */
  close(): Promise<void>
}

/**
 * Creates a router to the remote instances of a conf directory, for Express 4 or 5 or plain `http`. Resolves when the
 * existing instances are in force.
 * @throws TypeError without `authorize` and `dangerouslyAllowUnauthenticated` (docs/pitfalls.md#open-router)
 */
export async function externalIdm(options: ExternalIdmOptions): Promise<MountedExternalIdm> {
  const log = options.log ?? silentLog
  const authorize = authorizeOf(options, log)
  const confDir = resolve(options.confDir)
  const scope = new Scope(log)
  try {
    const { registry, router } = await startExternalIdm(scope, {
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
      contextOf: () => ({}),
      log,
    })
    return { router, instances: () => [...registry.statuses()], close: () => scope.dispose() }
  } catch (error) {
    await scope.dispose()
    throw error
  }
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
