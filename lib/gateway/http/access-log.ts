import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '../../contract.ts'
import type { Access } from '../audit/access-event.ts'
import type { RequestRecord } from './request-record.ts'

const MAX_PATH_LENGTH = 1000
const MAX_QUERY_NAMES = 50

/** @param begin milliseconds of `performance.now()` */
export type Measure = (method: string | undefined, status: number, begin: number) => void

export interface AccessObserver {
  readonly log: Logger
  readonly measure: Measure
  readonly audit: (access: Access) => void
}

/** Logs one line per finished request: caller, method, target, status, duration, transaction; measures and audits it. */
export function logAccess(
  { log, measure, audit }: AccessObserver,
  request: IncomingMessage,
  response: ServerResponse,
  record: RequestRecord,
): void {
  const from = request.socket.remoteAddress
  // As sent: method overrides replace it later.
  const { method } = request
  let isWritten = false
  response.on('close', () => {
    if (isWritten) return
    isWritten = true
    const complete = response.writableFinished
    if (response.headersSent && !isEventStream(response)) measure(method, response.statusCode, record.startedAt)
    const { identity, target, transactionId, startedAt } = record
    const milliseconds = performance.now() - startedAt
    const asSent = { method: method ?? '', target, transactionId, identity }
    audit({ request, response, ...asSent, isComplete: complete, milliseconds })
    log.info(
      {
        ...(record.identity && {
          who: record.identity.authenticationId,
          // The component is part of the identity: names are unique within a collection only.
          component: record.identity.authorization.component,
        }),
        from,
        method,
        ...describeTarget(record.target),
        ...(response.headersSent && { status: response.statusCode }),
        ...(!complete && { aborted: true }),
        ms: Math.round(milliseconds * 10) / 10,
        transactionId: record.transactionId,
      },
      'access',
    )
  })
}

/** Its duration says nothing about the gateway. */
const isEventStream = (response: ServerResponse): boolean =>
  /^text\/event-stream/.test(String(response.getHeader('content-type')))

/** The path and the names of the query parameters. Values are omitted, since they may be secrets. */
export function describeTarget(target: string): { path: string; query?: string[] } {
  const start = target.indexOf('?')
  if (start < 0) return { path: target.slice(0, MAX_PATH_LENGTH) }
  const names = target
    .slice(start + 1)
    .split('&', MAX_QUERY_NAMES)
    .map((pair) => pair.split('=', 1)[0] ?? '')
  return { path: target.slice(0, Math.min(start, MAX_PATH_LENGTH)), query: names.filter((name) => name !== '') }
}
