import { STATUS_CODES } from 'node:http'
import type { Json, JsonObject } from '../contract.ts'

/** The body of a failed request: `{ code, reason, message, detail? }` (Common REST, HTTP status codes). */
export interface ErrorBody {
  readonly code: number
  readonly reason: string
  readonly message: string
  readonly detail?: Json
}

/** Where the phrases of Common REST differ from Node's table. */
const REASONS: Readonly<Record<number, string>> = { 408: 'Request Timeout', 500: 'Internal Server Error' }

/** The standard phrase for a status, as IDM prints it in `reason`. */
export const reasonOf = (code: number): string => REASONS[code] ?? STATUS_CODES[code] ?? 'Unknown'

/**
 * A failed request in IDM's terms. Callers see `message` and `detail`, which never contain a secret or an internal address;
 * `cause` is for the log only.
 */
export class ResourceException extends Error {
  readonly code: number
  readonly reason: string
  readonly detail: Json | undefined
  /** Milliseconds of `Retry-After`, set by a remote or this gateway. */
  readonly retryAfterMs: number | undefined
  /** What to do about it, for a person who looks at the configuration. */
  readonly cure: string | undefined

  constructor(
    code: number,
    message: string,
    options: { reason?: string; detail?: Json; cause?: unknown; retryAfterMs?: number | undefined; cure?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ResourceException'
    this.code = code
    this.reason = options.reason ?? reasonOf(code)
    this.detail = options.detail
    this.retryAfterMs = options.retryAfterMs
    this.cure = options.cure
  }

  toJSON(): ErrorBody {
    const { code, reason, message, detail } = this
    return detail === undefined ? { code, reason, message } : { code, reason, message, detail }
  }
}

type Details = { detail?: JsonObject; cause?: unknown; retryAfterMs?: number; cure?: string }
const raise = (code: number) => (message: string, details?: Details) => new ResourceException(code, message, details)

export const badRequest = raise(400)
export const unauthorized = raise(401)
export const forbidden = raise(403)
export const notFound = raise(404)
export const methodNotAllowed = raise(405)
export const notAcceptable = raise(406)
export const conflict = raise(409)
export const preconditionFailed = raise(412)
export const payloadTooLarge = raise(413)
export const unsupportedMediaType = raise(415)
/** @param retryAfterMs when the caller may try again */
export const tooManyRequests = (message: string, retryAfterMs: number, cause?: unknown) =>
  new ResourceException(429, message, { retryAfterMs, cause })
export const internalError = raise(500)
export const notSupported = raise(501)
export const badGateway = raise(502)
export const serviceUnavailable = raise(503)
export const gatewayTimeout = raise(504)

/** Converts anything thrown to a ResourceException: an unknown error becomes a 500 without details. */
export function toResourceException(error: unknown): ResourceException {
  if (error instanceof ResourceException) return error
  return internalError('Internal Server Error', { cause: error })
}
