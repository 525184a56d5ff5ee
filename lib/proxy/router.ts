import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpHandler, Logger } from '../contract.ts'
import { notFound, ResourceException } from '../crest/errors.ts'
import { sendError } from '../crest/http-response.ts'
import type { Instance } from '../remote/instance.ts'
import type { InstanceRegistry } from '../remote/registry.ts'
import { type Authorize, authorizeRequest } from './authorize.ts'
import { bodyOf, CONSUMED, reframe } from './body.ts'
import { Exchange } from './exchange.ts'
import { forward } from './forward.ts'
import { guardEmptySegments, guardLoop, guardPath, guardRequest } from './guard.ts'
import { type Forwarding, requestHeaders } from './headers.ts'
import { closeWithConnection } from './queued-response.ts'
import { type Route, routeOf } from './route.ts'

export interface ProxyOptions extends Forwarding {
  readonly registry: InstanceRegistry
  readonly authorize: Authorize
  /** True when `request.url` begins behind the mount, whatever the framework. */
  readonly behindMount: boolean
  /** Serves `external/idm` itself: the list of instances and the action `test`. */
  readonly status: HttpHandler
  readonly log: Logger
}

/** The way of a request: guard -> authorise -> instance -> credentials -> headers -> forward. Not ours -> `next()`. */
export function proxyRouter(options: ProxyOptions): HttpHandler {
  const service = { ...options, warnConsumed: once(() => options.log.warn({}, CONSUMED)) }
  return (request, response, next) => {
    const route = routeOf(request, options.behindMount)
    if (!route) {
      next()
      return
    }
    closeWithConnection(request, response)
    serve(service, route, request, response).catch((error: unknown) => {
      if (response.destroyed) return
      if (!(error instanceof ResourceException)) options.log.error({ err: error }, 'a proxied request failed')
      sendError(response, error)
    })
  }
}

interface Service extends ProxyOptions {
  /** Tells the log, once, that the host parses bodies before us (pitfall B1). */
  readonly warnConsumed: () => void
}

function once(act: () => void): () => void {
  let done = false
  return () => {
    if (!done) act()
    done = true
  }
}

async function serve(options: Service, route: Route, request: IncomingMessage, response: ServerResponse) {
  guardRequest(request)
  // What is there at once is not waited for: each turn of the event queue would be felt in every request.
  const authorized = authorizeRequest(request, options.authorize)
  if (authorized) await authorized
  if (isStatus(route, request)) {
    request.url = `/external/idm${route.name === undefined ? '' : `/${route.name}`}${route.query}`
    options.status(request, response, () => sendError(response, notFound('Resource not found')))
    return
  }
  const instance = instanceOf(options.registry, route)
  const path = pathOf(route, instance)
  guardLoop(request.headers.via, options.pseudonym)
  if (response.destroyed) return
  const leave = instance.circuit.enter()
  // From here on, not from when it is forwarded: a reload must not cut the token request that it waits for (R2).
  instance.begin()
  let exchange: Exchange | undefined
  let isClosed = false
  // It is emitted once, but for closeWithConnection; `once` would wrap the listener, and take it off again.
  response.on('close', () => {
    if (isClosed) return
    isClosed = true
    leave()
    instance.end()
    exchange?.closed()
  })
  const { authType, socketTimeout: idleMs } = instance.properties
  const read = bodyOf(request, { keep: authType === 'bearer', idleMs, onConsumed: options.warnConsumed })
  const body = read instanceof Promise ? await read : read
  const given = instance.authentication.credentials()
  const credentials = given instanceof Promise ? await given : given
  if (response.destroyed) return
  const headers = requestHeaders(request, instance, options)
  reframe(headers, body)
  const localBase = `${route.mount}/external/idm/${instance.name}/`
  const parts = { request, response, instance, credentials, body, headers, path, localBase }
  exchange = new Exchange(parts, forward)
  exchange.start()
}

/** The list of instances, and `POST external/idm/NAME?_action=test`. */
const isStatus = ({ name, path, query }: Route, { method }: IncomingMessage): boolean =>
  name === undefined || (path === undefined && method === 'POST' && /[?&]_action=test(?:&|$)/.test(query))

function instanceOf(registry: InstanceRegistry, { name = '' }: Route): Instance {
  const instance = registry.get(name)
  if (!instance) throw notFound(registry.absence(name))
  return instance
}

/** What is asked of the remote: path and query as the caller wrote them. */
function pathOf({ path, query }: Route, { name }: Instance): string {
  if (path === undefined) throw notFound(`Remote instance "${name}": a path at the remote must follow its name`)
  guardPath(path)
  guardEmptySegments(path)
  return path + query
}
