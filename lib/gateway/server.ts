import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import express from 'express'
import type { Logger } from '../contract.ts'
import { internalError, notFound } from '../crest/errors.ts'
import { sendError } from '../crest/http.ts'
import { logAccess } from './access-log.ts'
import { allowOrigin } from './cors.ts'
import type { OpenidmMount } from './openidm-mount.ts'
import { openRecord } from './request-record.ts'
import type { Settings } from './settings.ts'

export interface ServerOptions {
  readonly mount: Pick<OpenidmMount, 'handle'>
  /** The settings as they are now. */
  readonly settings: () => Settings
  readonly log: Logger
}

/** What a browser may do with any answer of ours: nothing but hand it to the script that asked. */
const SECURITY_HEADERS = [
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'DENY'],
  ['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
  ['Referrer-Policy', 'no-referrer'],
] as const

/** The gateway as a listener for Node's servers. */
export function createServer({ mount, settings, log }: ServerOptions): RequestListener {
  const application = createApplication(mount, log)
  return (request, response) => {
    const { cors, trustTransactionHeader } = settings()
    logAccess(log, request, response, openRecord(request, trustTransactionHeader))
    for (const [name, value] of SECURITY_HEADERS) response.setHeader(name, value)
    if (!allowOrigin(cors.allowedOrigins, request, response)) application(request, response)
  }
}

/** Express with everything off that we do ourselves or that would cost time per request. */
function createApplication(mount: Pick<OpenidmMount, 'handle'>, log: Logger): RequestListener {
  const application = express()
  application.set('etag', false)
  application.set('query parser', false)
  application.set('trust proxy', false)
  application.disable('x-powered-by')
  application.enable('case sensitive routing')
  application.use('/openidm', (request, response) => mount.handle(request, response))
  application.use((_request, response) => sendError(response, notFound('Not Found')))
  // Four parameters are what makes it Express's error handler; its own would print the stack.
  application.use((error: unknown, _request: IncomingMessage, response: ServerResponse, _next: unknown) => {
    log.error({ err: error }, 'a request failed outside its mount')
    sendError(response, internalError('Internal Server Error'))
  })
  return application
}
