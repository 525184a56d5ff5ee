import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { RequestContext } from '../../crest/protocol/request.ts'
import type { Authentication } from '../access/authentication.ts'
import type { Identity } from '../access/password-store.ts'

/** State of a request in flight. */
export interface RequestRecord {
  /** Milliseconds of `performance.now()`. */
  readonly startedAt: number
  /** The request target as received: hosts and routers rewrite `request.url`. */
  readonly target: string
  readonly transactionId: string
  /** Absent until the caller is identified. */
  identity?: Identity
}

const HEADER = 'x-forgerock-transactionid'
/** Generated IDs are this UUID and a counter: a UUID per request costs more without benefit. */
const PROCESS = randomUUID()
let count = 0
const TRANSACTION_ID = /^[\w./:-]{1,256}$/

/** Stored on the request: a WeakMap entry per request costs 10 % more. */
const RECORD = Symbol('record')
type Carrier = IncomingMessage & { [RECORD]?: RequestRecord }

/**
 * Creates the record of a request and sets the header `X-ForgeRock-TransactionId` to the effective id, from which
 * forwarding code derives sub-transactions.
 * @param trusted whether callers may set the transaction id
 */
export function openRecord(request: IncomingMessage, trusted: boolean): RequestRecord {
  const given = request.headers[HEADER]
  const transactionId =
    trusted && typeof given === 'string' && TRANSACTION_ID.test(given) ? given : `${PROCESS}-${++count}`
  request.headers[HEADER] = transactionId
  const record = { startedAt: performance.now(), target: request.url ?? '', transactionId }
  ;(request as Carrier)[RECORD] = record
  return record
}

/** @throws Error when the request did not pass `openRecord` */
export function recordOf(request: IncomingMessage): RequestRecord {
  const record = (request as Carrier)[RECORD]
  if (!record) throw new Error('the request has no record')
  return record
}

/** The request context passed to resources. */
export function requestContext(
  request: IncomingMessage,
  authentication: Pick<Authentication, 'reauthentication'>,
): RequestContext {
  const { identity, transactionId } = recordOf(request)
  if (!identity) return { transactionId }
  const reauthenticate = authentication.reauthentication(request, identity)
  return { transactionId, security: identity, ...(reauthenticate && { reauthenticate }) }
}
