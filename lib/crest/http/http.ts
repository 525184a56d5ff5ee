import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpHandler, Logger } from '../../contract.ts'
import { MAX_BODY_BYTES } from '../../core/bounds.ts'
import { methodNotAllowed, ResourceException, toResourceException } from '../errors.ts'
import type { RequestContext } from '../protocol/request.ts'
import { RequestParameters } from '../protocol/request-parameters.ts'
import type { ResourceRouter } from '../protocol/router.ts'
import { readJsonBody } from './body.ts'
import { httpContext, requestUrl } from './context.ts'
import { effectiveRequestOf } from './effective-request.ts'
import { isOver } from './message.ts'
import { type Reply, replyTo } from './reply.ts'
import { type HttpCall, resourceRequests, takesBody } from './request.ts'
import { sendBytes, sendError, sendJson } from './response.ts'

export { sendError, sendJson }

export interface CrestHttpOptions {
  readonly router: ResourceRouter
  /** Authenticates the caller; an error is sent as the answer. Called before the body is read. */
  contextOf(request: IncomingMessage): RequestContext | Promise<RequestContext>
  /** Default 1 MiB. */
  readonly maxBodyBytes?: number
  /** Receives unexpected errors (500 and above except 501) with their causes. */
  readonly log?: Logger
}

/**
 * Serves the resources of a router over HTTP, in Express 4 or 5 or plain `node:http`. It uses `request.url` relative to its
 * mount and nothing of Express; a path without a route is passed to `next()`.
 */
export function crestHttp(options: CrestHttpOptions): HttpHandler {
  return (request, response, next) => {
    const [path = '', ...query] = (request.url ?? '').split('?')
    if (options.router.routes(path)) void serve(options, request, response, path, query.join('?'))
    else next()
  }
}

async function serve(
  options: CrestHttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  query: string,
): Promise<void> {
  const pretty = /(^|&)_prettyPrint=true(&|$)/i.test(query)
  try {
    send(response, await answer(options, request, response, path), pretty)
  } catch (error) {
    if (isOver(response)) return
    const exception = toResourceException(error)
    if (exception.code >= 500 && exception.code !== 501)
      options.log?.error({ err: exception.cause ?? exception, method: request.method, path }, exception.message)
    sendError(response, exception, pretty)
  }
}

async function answer(
  options: CrestHttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<Reply> {
  const effective = effectiveRequestOf(request)
  const { method, operations } = effective
  if (method === 'OPTIONS') throw methodNotAllowed('Method OPTIONS not allowed')
  const parameters = RequestParameters.ofPairs(effective.parameters)
  const known = await options.contextOf(request)
  const body = takesBody(method) ? await readJsonBody(request, options.maxBodyBytes ?? MAX_BODY_BYTES) : undefined
  const call: HttpCall = { method, path, headers: request.headers, operations, parameters, body }
  return firstReply(options.router, call, httpContext(known, call, request, response), requestUrl(request))
}

/** Statuses of a create after which an upsert tries to update. */
const UPDATE_AFTER: readonly number[] = [404, 412, 501]

/** An upsert tries to create, then to update. */
async function firstReply(
  router: ResourceRouter,
  call: HttpCall,
  context: RequestContext,
  url: string,
): Promise<Reply> {
  const [first, second] = resourceRequests(call)
  try {
    return await replyTo(router, first, context, call, url)
  } catch (error) {
    if (!second || !(error instanceof ResourceException) || !UPDATE_AFTER.includes(error.code)) throw error
    return replyTo(router, second, context, call, url)
  }
}

function send(response: ServerResponse, { status, headers, body, bytes }: Reply, pretty: boolean): void {
  if (bytes) sendBytes(response, status, bytes, headers)
  else sendJson(response, status, body, headers, pretty)
}
