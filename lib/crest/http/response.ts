import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Json } from '../../contract.ts'
import { type ResourceException, toResourceException } from '../errors.ts'
import { cutOff, hasBody, isHttp2, isOver } from './message.ts'

/** `Retry-After` of a 503 without a value of its own. */
const RETRY_AFTER_S = 1
const JSON_TYPE = 'application/json;charset=utf-8'

/** Sends JSON, indented if `pretty`; `body` undefined = none. A response that has begun is aborted instead. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: Json | object | undefined,
  headers: OutgoingHttpHeaders = {},
  pretty = false,
): void {
  const text = body === undefined ? '' : JSON.stringify(body, null, pretty ? 2 : undefined)
  const type = body === undefined ? {} : { 'Content-Type': JSON_TYPE }
  sendBytes(response, status, Buffer.from(text), { ...type, ...headers })
}

/**
 * Sends `bytes` unchanged and, like all of Common REST, not cacheable. A response that is over is left alone; one that has
 * begun is aborted.
 */
export function sendBytes(response: ServerResponse, status: number, bytes: Buffer, headers: OutgoingHttpHeaders): void {
  if (isOver(response)) return
  if (response.headersSent) {
    cutOff(response)
    return
  }
  const bodyless = status === 204 || status === 304
  const length = bodyless ? {} : { 'Content-Length': bytes.length }
  response.writeHead(status, { 'Cache-Control': 'no-cache', ...length, ...headers })
  response.end(bodyless ? undefined : bytes)
}

/**
 * Sends `{ code, reason, message, detail? }`; an internal error becomes a 500 without details. Never throws, since
 * listeners have no other way to report errors: a response that cannot be written is aborted.
 */
export function sendError(response: ServerResponse, error: unknown, pretty = false): void {
  try {
    writeError(response, error, pretty)
  } catch {
    cutOff(response)
  }
}

function writeError(response: ServerResponse, error: unknown, pretty: boolean): void {
  const exception = toResourceException(error)
  const allow = exception.code === 405 ? { Allow: 'GET, POST, PUT, PATCH, DELETE' } : {}
  const retry = retryAfter(exception)
  sendJson(
    response,
    exception.code,
    exception,
    { ...allow, ...retry, ...closeIfUnread(response.req, exception.code) },
    pretty,
  )
}

function retryAfter({ code, retryAfterMs }: ResourceException): OutgoingHttpHeaders {
  if (retryAfterMs !== undefined) return { 'Retry-After': Math.ceil(retryAfterMs / 1000) }
  return code === 503 ? { 'Retry-After': RETRY_AFTER_S } : {}
}

/** Max bytes of a refused body that are read and discarded to keep the connection. */
const MAX_DRAINED_BYTES = 64 * 1024

/** By default Node reads the rest of a refused body, however long. */
function closeIfUnread(request: IncomingMessage | undefined, code: number): OutgoingHttpHeaders {
  // HTTP/2 resets the stream itself; minimal response objects do not have their request.
  if (!request?.headers || isHttp2(request) || request.complete || !hasBody(request)) return {}
  const length = request.headers['content-length']
  // 408: the rest is not going to arrive.
  return code !== 408 && length !== undefined && Number(length) <= MAX_DRAINED_BYTES ? {} : { Connection: 'close' }
}
