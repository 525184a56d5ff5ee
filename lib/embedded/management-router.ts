import type { IncomingMessage } from 'node:http'
import type {
  AuthorizeManagement,
  HttpHandler,
  Logger,
  ManagementCaller,
  ManagementOperation,
  ManagementVerdict,
} from '../contract.ts'
import { badRequest, internalError, ResourceException } from '../crest/errors.ts'
import { type EffectiveRequest, effectiveRequestOf } from '../crest/http/effective-request.ts'
import { crestHttp, sendError } from '../crest/http/http.ts'
import type { RequestContext } from '../crest/protocol/request.ts'
import type { ResourceRouter } from '../crest/protocol/router.ts'
import { authorizeRequest } from '../proxy/authorize.ts'
import { guardRequest } from '../proxy/guard.ts'
import { receive } from '../proxy/queued-response.ts'
import { type Target, targetOf } from '../proxy/route.ts'

export interface ManagementRouterOptions {
  /** What is managed: nothing else is served. */
  readonly router: ResourceRouter
  /** Its routes: `recon`, `audit/recon`. */
  readonly routes: readonly string[]
  readonly authorize: AuthorizeManagement
  /** Whether `request.url` is relative to the mount, in any framework. */
  readonly behindMount: boolean
  /** @throws ResourceException 503 once it is being stopped */
  readonly assertOpen: () => void
  readonly log: Logger
}

/** The way of a management request: guard -> authorize each operation -> resource. Other paths: `next()`. */
export function managementRouter(options: ManagementRouterOptions): HttpHandler {
  const { router, routes, behindMount, assertOpen, log } = options
  const prefixes = routes.map((route) => `/${route}`)
  const callers = new WeakMap<IncomingMessage, ManagementCaller>()
  const contextOf = (request: IncomingMessage) => contextFor(callers.get(request))
  const resources = crestHttp({ router, contextOf, log })
  return (request, response, next) => {
    const fail = (error: unknown) => {
      if (!(error instanceof ResourceException)) log.error({ err: error }, 'a management request failed')
      sendError(response, error)
    }
    const serve = async (target: Target) => {
      assertOpen()
      guardRequest(request)
      const caller = await authorizeAll(request, target, options)
      if (caller) callers.set(request, caller)
      assertOpen()
      const carrier = request as IncomingMessage & { originalUrl?: string }
      carrier.originalUrl ??= target.mount + target.url
      request.url = target.url
      resources(request, response, () => fail(badRequest('The path cannot be read')))
    }
    try {
      const target = targetOf(request, behindMount, prefixes)
      if (!target) return next()
      receive(request, response)
      serve(target).catch(fail)
    } catch (error) {
      fail(error)
    }
  }
}

async function authorizeAll(
  request: IncomingMessage,
  { url }: Target,
  { authorize, log }: ManagementRouterOptions,
): Promise<ManagementCaller | undefined> {
  const { method, headers, rawHeaders } = request
  const { path, operations } = effectiveRequestOf({ ...(method && { method }), url, headers, rawHeaders })
  let caller: ManagementCaller | undefined
  for (const operation of operations) {
    const judged = { resource: resourceOf(path), ...operation }
    await authorizeRequest(request, async (asked) => {
      const verdict = await verdictOf(authorize, asked, judged, log)
      if (!isCaller(verdict)) return verdict
      caller = verdict
      return true
    })
  }
  return caller
}

const isCaller = (verdict: ManagementVerdict): verdict is ManagementCaller =>
  typeof verdict === 'object' && typeof verdict?.id === 'string' && verdict.id !== ''

const contextFor = (caller: ManagementCaller | undefined): RequestContext =>
  caller
    ? { security: { authenticationId: caller.id, authorization: { id: caller.id, component: 'host', roles: [] } } }
    : {}

/** No id of these resources has a slash: an encoded one could be read as another resource. */
function resourceOf({ strict, loose }: EffectiveRequest['path']): string {
  if (strict !== loose) throw badRequest('The path of a management request must not hold an encoded slash or semicolon')
  return strict
}

/** What the application throws is for its log only. */
async function verdictOf(
  authorize: AuthorizeManagement,
  request: IncomingMessage,
  operation: ManagementOperation,
  log: Logger,
) {
  try {
    return await authorize(request, operation)
  } catch (cause) {
    log.error({ err: cause, ...operation }, 'authorizeManagement failed: the request is refused')
    throw internalError('Internal Server Error', { cause })
  }
}
