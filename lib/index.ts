/** The public face of openidm-external-idm. */
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
  /** Holds `external.idm-NAME.json`, one file for each remote instance; watched. */
  readonly confDir: string
  /** Who may use the instances: true, or 401, or 403. Called for each request before anything else happens. */
  readonly authorize?: Authorize
  /** Lets everyone who can reach the port use the credentials of the instances. Warns at start. */
  readonly dangerouslyAllowUnauthenticated?: boolean
  /** Trusted certificates beside the system's. Default: `security/truststore` beside `confDir`. */
  readonly truststore?: string
  /** Of a PKCS12 or JKS trust store. Default: the property `openidm.truststore.password`, else `changeit`. */
  readonly truststorePassword?: string
  /** Trust the system's authorities too. Default: true. */
  readonly systemRoots?: boolean
  /** Where expressions (`&{…}`), keys and forward proxies are looked for. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Resolves host names, as in `net.connect`. Default: the system. */
  readonly lookup?: LookupFunction
  /** Hand on X-ForgeRock-TransactionId of callers to the remotes. Default: false. */
  readonly trustTransactionId?: boolean
  /** pino-shaped. Default: nothing is logged. */
  readonly log?: Logger
}

export interface MountedExternalIdm {
  /** For `app.use('/openidm', router)`, or called with a request of plain `http`. Not ours -> `next()`. */
  readonly router: HttpHandler
  /** What there is now, without secrets. */
  instances(): InstanceStatus[]
  /** Ends watching, lets requests in flight finish (10 s at most) and closes all connections. */
  close(): Promise<void>
}

/**
 * The remote instances of a conf directory as a router for any Express 4 or 5 application, or plain `http`. Resolves
 * when the instances that are there are in force.
 * @throws TypeError when neither `authorize` nor `dangerouslyAllowUnauthenticated` is given
 * (docs/pitfalls.md#open-router)
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
      'externalIdm: the option "authorize" is required: (request) => true | 401 | 403. The remote instances carry ' +
        'credentials of their own, so whoever reaches the router uses them',
    )
  }
  const message =
    'dangerouslyAllowUnauthenticated: everyone who can reach this port uses the credentials of the instances'
  log.warn({}, message)
  process.emitWarning(`openidm-external-idm: ${message}`)
  return () => true
}
