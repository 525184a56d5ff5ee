import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Json } from '../../contract.ts'
import { type ResourceException, toResourceException } from '../errors.ts'
import { cutOff, hasBody, isHttp2, isOver } from './message.ts'

/** What is overloaded now may have room again soon. */
const RETRY_AFTER_S = 1
const JSON_TYPE = 'application/json;charset=utf-8'

/** Answers with JSON; `pretty` indents it, `body` undefined sends none. A response that has begun is cut off instead. */
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
 * Answers with `bytes` as they are; never cached, as everything under CREST. A response that is over stays as it is; one
 * that has begun is cut off.
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
 * Answers with `{ code, reason, message, detail? }`; what was not meant for the caller becomes a bare 500. Never throws,
 * since it is the last resort of listeners: a response that cannot be written to is cut off.
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

/** So much of a refused body is read and thrown away to keep the connection. */
const MAX_DRAINED_BYTES = 64 * 1024

/** Left alone, Node would read the rest of a refused body, however long. */
function closeIfUnread(request: IncomingMessage | undefined, code: number): OutgoingHttpHeaders {
  // HTTP/2 resets the one stream by itself; light-weight response objects do not know their request.
  if (!request?.headers || isHttp2(request) || request.complete || !hasBody(request)) return {}
  const length = request.headers['content-length']
  // 408: it is no use to wait for the rest, however short.
  return code !== 408 && length !== undefined && Number(length) <= MAX_DRAINED_BYTES ? {} : { Connection: 'close' }
}
