import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpHandler, Logger, NextFunction } from '../../contract.ts'
import { type Awaitable, after } from '../../core/awaitable.ts'
import { type AuditLog, noAudit } from '../../core/telemetry/audit.ts'
import { forbidden, notFound, toResourceException } from '../../crest/errors.ts'
import { type EffectiveRequest, effectiveRequestOf } from '../../crest/http/effective-request.ts'
import { sendError } from '../../crest/http/http.ts'
import type { RequestPath } from '../../crest/http/request-path.ts'
import { isAllowed } from '../access/access.ts'
import type { AccessRule } from '../access/access-rules.ts'
import type { Authentication } from '../access/authentication.ts'
import type { Identity } from '../access/password-store.ts'
import { auditedLogin } from '../audit/authentication-event.ts'
import type { HostMount } from '../plugins/plugin-context.ts'
import { OpenRouters, PluginRouters } from '../plugins/plugin-routers.ts'
import { asksForOwnRights } from './api-description.ts'
import { healthProbes, notReady } from './info.ts'
import { recordOf } from './request-record.ts'
import type { ServerState } from './server-state.ts'

export interface MountOptions {
  readonly state: ServerState
  readonly authentication: Authentication
  /** The current rules. */
  readonly access: () => readonly AccessRule[]
  /** Serves resources; calls `next` for unknown routes. */
  readonly resources: HttpHandler
  /** Whether router filters apply to this path. Filters wrap resources, not the routers of plugins. */
  readonly isFiltered?: (path: RequestPath) => boolean
  /** Serve what are no resources; each calls `next` for other paths. */
  readonly pages?: readonly HttpHandler[]
  readonly audit?: AuditLog
  readonly log: Logger
}

/** Available while the gateway starts and stops. */
const ALWAYS_AVAILABLE = /^(?:info\/ping|health(?:\/.*)?)$/

/** Handles requests below `/openidm`: authentication, access rules, plugins, own resources, 404. */
export class OpenidmMount implements HostMount {
  /** Always true: requests reach the routers only through `#admit`. */
  readonly authenticated = true
  readonly routers = new PluginRouters()
  readonly openRouters = new OpenRouters()
  readonly #options: MountOptions
  readonly #pages: readonly HttpHandler[]
  readonly #audit: AuditLog

  constructor(options: MountOptions) {
    this.#options = options
    this.#audit = options.audit ?? noAudit
    this.#pages = [...(options.pages ?? []), healthProbes(options.state)]
  }

  /** Expects `request.url` relative to the mount; always answers the request. */
  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    try {
      const asked = effectiveRequestOf(request)
      const open = this.#options.state.isServing ? this.openRouters.handlerOf(asked) : undefined
      if (open) {
        open(request, response, (error) => this.#fail(response, error ?? missing(asked)))
        return
      }
      const served = after(this.#admit(request, asked), (effective) => this.#serve(request, response, effective))
      if (served) served.catch((error: unknown) => this.#fail(response, error))
    } catch (error) {
      this.#fail(response, error)
    }
  }

  #admit(request: IncomingMessage, effective: EffectiveRequest): Awaitable<EffectiveRequest> {
    const { state, access } = this.#options
    const isAlwaysAvailable = ALWAYS_AVAILABLE.test(effective.path.strict)
    if (!state.isServing && !isAlwaysAvailable) throw notReady(state)
    const room = isAlwaysAvailable ? undefined : this.#audit.room()
    const identified = after(room, () => this.#identify(request, effective))
    return after(identified, (identity) => {
      recordOf(request).identity = identity
      if (asksForOwnRights(effective)) return effective
      if (!isAllowed(access(), identity.authorization.roles, effective, identity)) throw forbidden('Access denied')
      return effective
    })
  }

  #identify(request: IncomingMessage, { operations }: EffectiveRequest): Awaitable<Identity> {
    const identify = () => this.#options.authentication.identify(request, operations)
    if (!this.#audit.wants('authentication')) return identify()
    return auditedLogin(this.#audit, request, recordOf(request).transactionId, identify)
  }

  #serve(request: IncomingMessage, response: ServerResponse, effective: EffectiveRequest): void {
    const { method, path } = effective
    // Plugin routers may not know X-HTTP-Method-Override: they get the method that access was checked for.
    request.method = method
    const next =
      (handler: HttpHandler, following: NextFunction): NextFunction =>
      (error) => {
        if (error !== undefined && error !== null) this.#fail(response, error)
        else handler(request, response, following)
      }
    const none = next(
      () => this.#fail(response, missing(effective)),
      () => undefined,
    )
    const { resources, isFiltered } = this.#options
    const own = [...this.#pages, resources].reduceRight<NextFunction>((following, page) => next(page, following), none)
    if (isFiltered?.(path)) own()
    else this.routers.handle(request, response, own)
  }

  #fail(response: ServerResponse, error: unknown): void {
    const exception = toResourceException(error)
    if (exception.code === 401 && !response.headersSent) challenge(response)
    const unexpected = exception.code === 500 || exception.cause !== undefined
    if (unexpected) this.#options.log.error({ err: exception.cause ?? exception }, exception.message)
    sendError(response, exception)
  }
}

const missing = ({ path }: EffectiveRequest) => notFound(`Resource '${path.strict}' not found`)

/**
 * Clients such as wget and Java's Authenticator send a password only after a challenge. Browsers get none: they would
 * prompt the user and then send the password with cross-site requests too (CSRF).
 */
function challenge(response: ServerResponse): void {
  if (isBrowser(response.req)) return
  response.setHeader('WWW-Authenticate', 'Basic realm="OpenIDM", charset="UTF-8"')
}

const BROWSERS_SEND = ['x-requested-with', 'origin', 'sec-fetch-mode', 'sec-fetch-site'] as const

const isBrowser = ({ headers }: IncomingMessage): boolean =>
  BROWSERS_SEND.some((name) => headers[name] !== undefined) || /^Mozilla\//i.test(headers['user-agent'] ?? '')
