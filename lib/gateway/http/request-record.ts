import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { RequestContext } from '../../crest/protocol/request.ts'
import type { Authentication } from '../access/authentication.ts'
import type { Identity } from '../access/password-store.ts'

/** What the gateway knows about one request under way. */
export interface RequestRecord {
  /** Milliseconds on the clock of `performance.now()`. */
  readonly startedAt: number
  /** The request target as it arrived: hosts and routers change `request.url`. */
  readonly target: string
  readonly transactionId: string
  /** Absent until the caller was identified. */
  identity?: Identity
}

const HEADER = 'x-forgerock-transactionid'
/** IDs that nobody gave are this process's, counted: one that is random each time would cost more to no purpose. */
const PROCESS = randomUUID()
let count = 0
const TRANSACTION_ID = /^[\w./:-]{1,256}$/

/** The request itself carries its record: with an entry of a WeakMap for each they cost a tenth more. */
const RECORD = Symbol('record')
type Carrier = IncomingMessage & { [RECORD]?: RequestRecord }

/**
 * Begins the record of a request. From now on the header `X-ForgeRock-TransactionId` holds the id in force, so that
 * whoever sends the request on can derive a sub-transaction from it.
 * @param trusted whether callers may name their transaction themselves
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

/** @throws Error when the request did not come in through the gateway's own front */
export function recordOf(request: IncomingMessage): RequestRecord {
  const record = (request as Carrier)[RECORD]
  if (!record) throw new Error('the request has no record')
  return record
}

/** What resources learn about the caller. */
export function requestContext(
  request: IncomingMessage,
  authentication: Pick<Authentication, 'reauthentication'>,
): RequestContext {
  const { identity, transactionId } = recordOf(request)
  if (!identity) return { transactionId }
  const reauthenticate = authentication.reauthentication(request, identity)
  return { transactionId, security: identity, ...(reauthenticate && { reauthenticate }) }
}
