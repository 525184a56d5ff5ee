import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '../../contract.ts'
import type { RequestRecord } from './request-record.ts'

const LONGEST_PATH = 1000
const MOST_KEYS = 50

/** Writes one line when the request is over: who, what, status, time, transaction. */
export function logAccess(
  log: Logger,
  request: IncomingMessage,
  response: ServerResponse,
  record: RequestRecord,
): void {
  const from = request.socket.remoteAddress
  // As the caller sent it: an override is applied on the way.
  const { method } = request
  let isWritten = false
  response.on('close', () => {
    if (isWritten) return
    isWritten = true
    const complete = response.writableFinished
    log.info(
      {
        ...(record.identity && {
          who: record.identity.authenticationId,
          // An account is its collection and its name: each collection may have one of the same name.
          component: record.identity.authorization.component,
        }),
        from,
        method,
        ...describeTarget(record.target),
        ...(response.headersSent && { status: response.statusCode }),
        ...(!complete && { aborted: true }),
        ms: Math.round((performance.now() - record.startedAt) * 10) / 10,
        transactionId: record.transactionId,
      },
      'access',
    )
  })
}

/** The path, and of the query the names alone: a value may be a secret. */
export function describeTarget(target: string): { path: string; query?: string[] } {
  const start = target.indexOf('?')
  if (start < 0) return { path: target.slice(0, LONGEST_PATH) }
  const names = target
    .slice(start + 1)
    .split('&', MOST_KEYS)
    .map((pair) => pair.split('=', 1)[0] ?? '')
  return { path: target.slice(0, Math.min(start, LONGEST_PATH)), query: names.filter((name) => name !== '') }
}
