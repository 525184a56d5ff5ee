import { DeadlineError, ForwardProxyError, faultBehind } from '../../core/http/fault.ts'
import { isObject } from '../../core/json.ts'
import { ResourceException } from '../../crest/errors.ts'
import { faultException, retryAfterMs } from '../http/fault.ts'
import type { BearerProperties } from '../properties/properties.ts'

/** Max size of a response of the token endpoint. */
export const MAX_RESPONSE_BYTES = 65_536

/**
 * Translates an error of simple-oauth2 for the caller. The error itself never leaves this file, not even as a cause: it
 * holds the request with its Authorization header (docs/pitfalls.md#secrets-in-library-errors).
 */
export function tokenException(instance: string, properties: BearerProperties, error: unknown): ResourceException {
  const subject = `Token endpoint of remote instance "${instance}"`
  const fault = (cause: Error) => faultException(instance, faultBehind(properties, cause), cause, 'token endpoint')
  const failure = failureOf(error)
  const { answer, code, library } = failure
  if (answer?.status === 407 && properties.proxy) return fault(new ForwardProxyError(407))
  if (answer && answer.status >= 400) return refusal(subject, answer)
  if (library === 504 || library === 408) return fault(new DeadlineError(answer ? 'idle' : 'response'))
  if (answer && library === 500) {
    const limit = MAX_RESPONSE_BYTES / 1024
    return new ResourceException(502, `${subject}: its answer is incomplete, or larger than ${limit} KB`)
  }
  if (!answer && (library !== undefined || code !== undefined)) return fault(plainError(failure))
  const status = answer ? ` (${answer.status})` : ''
  return new ResourceException(502, `${subject}: its answer${status} holds no access token; check tokenEndpoint`)
}

function refusal(subject: string, { status, payload, retryAfter }: Answer): ResourceException {
  const oauthError = isObject(payload) && typeof payload.error === 'string' ? payload.error : ''
  const reason = /^[\w.-]{1,64}$/.test(oauthError) ? `${status}, ${oauthError}` : String(status)
  // This says nothing about the client: the caller can retry.
  if (status === 429 || status === 503)
    return new ResourceException(503, `${subject}: it is busy (${reason})`, { retryAfterMs: retryAfterMs(retryAfter) })
  if (status >= 500) return new ResourceException(502, `${subject}: it failed (${reason})`)
  if (status === 404 || status === 405)
    return new ResourceException(
      502,
      `${subject}: its URL is not a token endpoint (${reason}); check tokenEndpoint, the realm in it included`,
    )
  return new ResourceException(401, `${subject}: it refused the client (${reason}); ${WRONG_CLIENT}`)
}

const WRONG_CLIENT =
  'check clientId, clientSecret, scope and tokenEndpointAuthMethod, and that the client may use client_credentials'

interface Answer {
  readonly status: number
  /** Only JSON is read. */
  readonly payload: unknown
  /** The header `Retry-After`. */
  readonly retryAfter: unknown
}

/** The relevant parts of an error of @hapi/wreck, which simple-oauth2 passes on. */
interface Failure {
  readonly message: string
  /** The status that the library assigns; undefined for other errors. */
  readonly library: number | undefined
  /** The code of Node's network error. */
  readonly code: string | undefined
  /** The response of the endpoint, if any. */
  readonly answer: Answer | undefined
}

function failureOf(error: unknown): Failure {
  const library = member(member(error, 'output'), 'statusCode')
  const data = member(error, 'data')
  const response = member(data, 'res')
  const status = member(response, 'statusCode')
  const retryAfter = member(member(response, 'headers'), 'retry-after')
  const network = data instanceof Error ? data : error
  const code = member(network, 'code')
  return {
    message: network instanceof Error ? network.message : 'the token request failed',
    library: typeof library === 'number' ? library : undefined,
    code: typeof code === 'string' ? code : undefined,
    answer: typeof status === 'number' ? { status, payload: member(data, 'payload'), retryAfter } : undefined,
  }
}

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined

const plainError = ({ message, code }: Failure): Error =>
  Object.assign(new Error(message), code === undefined ? {} : { code })
