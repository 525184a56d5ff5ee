import {
  IncomingMessage,
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
  type RequestListener,
  ServerResponse,
} from 'node:http'
import express from 'express'
import type { Logger } from '../../contract.ts'
import {
  internalError,
  notFound,
  notSupported,
  type ResourceException,
  toResourceException,
} from '../../crest/errors.ts'
import { sendError } from '../../crest/http/http.ts'
import { asksForWebSocket } from '../../crest/http/message.ts'
import { checkAuthority, originForm } from '../../crest/http/request-target.ts'
import type { CorsPolicy } from '../configuration/cors-settings.ts'
import type { Settings } from '../configuration/settings.ts'
import { type AccessObserver, logAccess } from './access-log.ts'
import { allowOrigin } from './cors.ts'
import type { OpenidmMount } from './openidm-mount.ts'
import { openRecord } from './request-record.ts'

export interface ServerOptions {
  readonly mount: Pick<OpenidmMount, 'handle'>
  readonly cors: () => CorsPolicy
  /** The current settings. */
  readonly settings: () => Settings
  /** Called when a response has ended. */
  readonly measure?: AccessObserver['measure']
  /** Called when a response has ended, or its caller has left. */
  readonly audit?: AccessObserver['audit']
  readonly log: Logger
}

/** Security headers on every response: browsers may only pass it to the requesting script. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
}

/** Handler and classes for `createServer` of Node. */
export interface ServerHandlers {
  readonly onRequest: RequestListener
  /** Classes for the server options, so that requests and responses have the prototypes of Express from the start. */
  readonly classes: { readonly IncomingMessage: typeof IncomingMessage; readonly ServerResponse: typeof ServerResponse }
}

type Headers = OutgoingHttpHeaders | OutgoingHttpHeader[]
type WriteHead = (this: ServerResponse, status: number, reason?: string, headers?: Headers) => ServerResponse

const MOUNT = '/openidm'
const BEHIND = `${MOUNT}/`

/** Creates the request handler of the gateway. */
export function createServer(options: ServerOptions): ServerHandlers {
  const { mount, cors, settings, log, measure = () => undefined, audit = () => undefined } = options
  const observer = { log, measure, audit }
  const application = createApplication(mount, log)
  const onRequest: RequestListener = (request, response) => {
    logAccess(observer, request, response, openRecord(request, settings().trustTransactionHeader))
    const refused = refusalOf(request)
    if (refused) {
      response.setHeader('Connection', 'close')
      sendError(response, refused)
      return
    }
    request.url = originForm(request.url ?? '')
    if (allowOrigin(cors(), request, response)) return
    if (request.url?.startsWith(BEHIND)) toMount(mount, request, response)
    else application(request, response)
  }
  return { onRequest, classes: classesOf(application) }
}

/** Checks that apply to every request. WebSockets are not supported anywhere behind this gateway. */
function refusalOf(request: IncomingMessage): ResourceException | undefined {
  if (asksForWebSocket(request)) return notSupported('WebSockets are not supported')
  try {
    checkAuthority(request, request.url ?? '')
    return undefined
  } catch (error) {
    return toResourceException(error)
  }
}

/**
 * Calls the mount as Express would. Bypasses Express, which would match the route and change the prototypes of each
 * request and response, at a measurable cost.
 */
function toMount(mount: Pick<OpenidmMount, 'handle'>, request: IncomingMessage, response: ServerResponse): void {
  const originalUrl = request.url ?? ''
  const mounted: Mounted = request
  mounted.originalUrl = originalUrl
  mounted.baseUrl = MOUNT
  mounted.url = originalUrl.slice(MOUNT.length)
  mounted.res = response
  mount.handle(mounted, response)
}

/** Properties that Express sets on a request. */
type Mounted = IncomingMessage & { originalUrl?: string; baseUrl?: string; res?: ServerResponse }

/** Routers of plugins may rely on Express methods; these classes have the prototypes from the start. */
function classesOf(application: express.Application): ServerHandlers['classes'] {
  class ExpressRequest extends IncomingMessage {}
  class ExpressResponse<Request extends IncomingMessage> extends ServerResponse<Request> {
    readonly locals: object = Object.create(null)
  }
  const { request, response } = prototypesOf(application)
  Object.setPrototypeOf(ExpressRequest.prototype, request)
  Object.setPrototypeOf(ExpressResponse.prototype, response)
  return { IncomingMessage: ExpressRequest, ServerResponse: ExpressResponse }
}

/** Untyped in Express: the prototypes that it gives each request and response. */
const prototypesOf = (application: express.Application) =>
  application as unknown as { readonly request: object; readonly response: { writeHead?: typeof writeHead } }

/**
 * Adds the security headers to every response. Passes them to `writeHead` if possible, since `setHeader` makes Node
 * process all headers one by one.
 */
function writeHead(this: ServerResponse, status: number, reason?: string | Headers, given?: Headers): ServerResponse {
  const headers = typeof reason === 'string' ? given : (given ?? reason)
  const text = typeof reason === 'string' ? reason : undefined
  const own: WriteHead = ServerResponse.prototype.writeHead
  if (headers !== undefined && !Array.isArray(headers) && this.getHeaderNames().length === 0) {
    return own.call(this, status, text, { ...SECURITY_HEADERS, ...headers })
  }
  for (const name in SECURITY_HEADERS) {
    if (!this.hasHeader(name)) this.setHeader(name, SECURITY_HEADERS[name] ?? '')
  }
  return own.call(this, status, text, headers)
}

/** Express without the features that are implemented here or cost time per request. */
function createApplication(mount: Pick<OpenidmMount, 'handle'>, log: Logger): express.Application {
  const application = express()
  application.set('etag', false)
  application.set('query parser', false)
  application.set('trust proxy', false)
  application.disable('x-powered-by')
  application.enable('case sensitive routing')
  prototypesOf(application).response.writeHead = writeHead
  application.use(MOUNT, (request, response) => mount.handle(request, response))
  application.use((_request, response) => sendError(response, notFound('Not Found')))
  // Express recognises error handlers by four parameters; its own prints the stack.
  application.use((error: unknown, _request: IncomingMessage, response: ServerResponse, _next: unknown) => {
    log.error({ err: error }, 'a request failed outside its mount')
    sendError(response, internalError('Internal Server Error'))
  })
  return application
}
