import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CapturedRequest, ChangeCapture, HttpHandler, Logger } from '../contract.ts'
import { notFound, ResourceException } from '../crest/errors.ts'
import { isOver } from '../crest/http/message.ts'
import { sendError } from '../crest/http/response.ts'
import type { Instance } from '../remote/instance/instance.ts'
import type { InstanceRegistry } from '../remote/instance/registry.ts'
import { type Authorize, authorizeRequest, CHANGING } from './authorize.ts'
import { bodyOf, CONSUMED, reframe } from './body.ts'
import { CapturedExchange } from './captured-exchange.ts'
import { Exchange } from './exchange.ts'
import { forward } from './forward.ts'
import { guardEmptySegments, guardLoop, guardPath, guardRequest } from './guard.ts'
import { type Forwarding, requestHeaders, TRANSACTION_ID } from './headers.ts'
import { receive } from './queued-response.ts'
import { lacksMount, type Route, routeOf } from './route.ts'

export interface ProxyOptions extends Forwarding {
  readonly registry: InstanceRegistry
  readonly authorize: Authorize
  /** True if `request.url` begins after the mount, whatever the framework. */
  readonly behindMount: boolean
  /** Serves `external/idm` itself: the list of instances and the action `test`. */
  readonly status: HttpHandler
  /** The service of the host that notes changes, if there is one yet. */
  readonly capture: () => ChangeCapture | undefined
  readonly log: Logger
}

/** The way of a request: guard -> authorise -> instance -> credentials -> headers -> forward. Other paths: `next()`. */
export function proxyRouter(options: ProxyOptions): HttpHandler {
  const service = { ...options, warnConsumed: once(() => options.log.warn({}, CONSUMED)) }
  const warnMount = once(() => {
    options.log.warn({}, NO_MOUNT)
    process.emitWarning(`openidm-external-idm: ${NO_MOUNT}`)
  })
  return (request, response, next) => {
    const fail = (error: unknown) => {
      if (!(error instanceof ResourceException)) options.log.error({ err: error }, 'a proxied request failed')
      sendError(response, error)
    }
    try {
      const route = routeOf(request, options.behindMount)
      if (route) {
        receive(request, response)
        serve(service, route, request, response).catch(fail)
        return
      }
      if (lacksMount(request)) warnMount()
    } catch (error) {
      fail(error)
      return
    }
    next()
  }
}

const NO_MOUNT =
  'a request for /external/idm was passed on: its url lacks the mount /openidm. Give the router the whole url, or keep ' +
  'the whole url in request.originalUrl when you cut the mount off'

interface Service extends ProxyOptions {
  /** Logs once that the host parses bodies before the proxy (docs/pitfalls.md#body-parsers). */
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
  options.registry.assertOpen()
  guardRequest(request)
  // Await promises only: each extra turn of the event loop would slow down every request.
  const authorized = authorizeRequest(request, options.authorize)
  if (authorized) await authorized
  if (isStatus(route, request)) {
    request.url = `/external/idm${route.name === undefined ? '' : `/${route.name}`}${route.query}`
    options.status(request, response, () => sendError(response, notFound('Resource not found')))
    return
  }
  const instance = options.registry.require(route.name ?? '')
  const path = pathOf(route, request, instance)
  guardLoop(request.headers.via, options.pseudonym)
  if (isOver(response)) return
  const leave = instance.circuit.enter()
  // Counted before it is forwarded: a reload must not cut the token request that it waits for
  // (docs/pitfalls.md#destroyed-agents).
  instance.begin()
  let exchange: Exchange | undefined
  let isClosed = false
  const onClose = () => {
    if (isClosed) return
    isClosed = true
    leave()
    instance.end()
    exchange?.closed()
  }
  // Responses without a connection (adapters for serverless platforms) finish but do not close.
  response.on('close', onClose).on('finish', onClose)
  const { authType, socketTimeout: idleMs } = instance.properties
  const read = bodyOf(request, { keep: authType === 'bearer', idleMs, onConsumed: options.warnConsumed })
  const body = read instanceof Promise ? await read : read
  const given = instance.authentication.credentials()
  const credentials = given instanceof Promise ? await given : given
  if (isClosed || isOver(response)) return
  const headers = requestHeaders(request, path, instance, options)
  reframe(headers, body)
  const localBase = `${route.mount}/external/idm/${instance.name}/`
  const { log } = options
  const intent = CHANGING.has(request.method) ? intended(options, request, instance, path) : undefined
  const captured = intent && (await intent)
  if (captured && (isClosed || isOver(response))) return captured.unsent()
  const noted = captured && new CapturedExchange(captured)
  const parts = { request, response, instance, credentials, body, headers, path, localBase, log, captured: noted }
  exchange = new Exchange(parts, forward)
  exchange.start()
}

/** Notes what is about to be sent, where a mapping captures it. */
function intended(
  { capture, trustTransactionId }: Service,
  { method = '', headers }: IncomingMessage,
  { name }: Instance,
  path: string,
): Promise<CapturedRequest | undefined> | undefined {
  const service = capture()
  if (!service) return undefined
  const id = headers[TRANSACTION_ID]
  const transactionId = trustTransactionId && typeof id === 'string' ? id : undefined
  return service.intend({ instance: name, method, path, transactionId })
}

/** The list of instances, and `POST external/idm/NAME?_action=test`. */
const isStatus = ({ name, path, query }: Route, { method }: IncomingMessage): boolean =>
  name === undefined || (path === undefined && method === 'POST' && /[?&]_action=test(?:&|$)/.test(query))

/** The API description: the only request that may go to the root of the remote. */
const API_DESCRIPTION = /[?&]_(?:crest)?api(?:[=&]|$)/

/** Path and query for the remote, as the caller wrote them. */
function pathOf({ path, query }: Route, { method }: IncomingMessage, { name }: Instance): string {
  if (path === undefined && method === 'GET' && API_DESCRIPTION.test(query)) return query
  if (path === undefined) throw notFound(`Remote instance "${name}": a path at the remote must follow its name`)
  guardPath(path)
  guardEmptySegments(path)
  return path + query
}
