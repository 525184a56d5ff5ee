/** Requests for the leader and its answers as JSON, in which numbers keep their digits. */
import type { ReconcileOptions } from '../../contract.ts'
import { parseStoredJson } from '../../core/json.ts'
import { ResourceException, toResourceException } from '../../crest/errors.ts'
import type { RequestContext, ResourceRequest } from '../../crest/protocol/request.ts'
import type { Answer } from '../../crest/protocol/router.ts'
import type { Change } from '../../sync/live/change.ts'
import type { LiveChanges } from '../../sync/live/notifier.ts'

/** The caller, without its HTTP request and what exists in one process only. */
type Caller = Omit<RequestContext, 'http' | 'reauthenticate' | 'signal' | 'recorder'>

/** A request for a resource, a change to carry over, or a reconciliation that code waits for. */
export type LeaderCall =
  | { readonly request: ResourceRequest; readonly context: Caller }
  | { readonly change: Change; readonly context: Caller; readonly method: keyof LiveChanges }
  | { readonly reconcile: { readonly mapping: string; readonly options: Omit<ReconcileOptions, 'signal'> } }

type AnswerMessage = { readonly answer?: Answer } | { readonly error: ErrorMessage }
type ErrorMessage = Pick<ResourceException, 'code' | 'message' | 'reason' | 'detail' | 'retryAfterMs' | 'cure'>

export const printRequest = (request: ResourceRequest, context: RequestContext): string =>
  JSON.stringify({ request, context: callerOf(context) } satisfies LeaderCall)

export const printChange = (method: keyof LiveChanges, change: Change, context: RequestContext): string =>
  JSON.stringify({ change, method, context: callerOf(context) } satisfies LeaderCall)

function callerOf(context: RequestContext): Caller {
  const { http: _http, reauthenticate: _reauthenticate, signal: _signal, recorder: _recorder, ...caller } = context
  return caller
}

export const printReconcile = (mapping: string, { signal: _, ...options }: ReconcileOptions): string =>
  JSON.stringify({ reconcile: { mapping, options } } satisfies LeaderCall)

export const parseCall = (text: string): LeaderCall => parseStoredJson(text) as unknown as LeaderCall

export const printAnswer = (answer: Answer): string => JSON.stringify({ answer } satisfies AnswerMessage)

/** Without the cause, which is for the log of the leader. */
export function printError(thrown: unknown): string {
  const { code, message, reason, detail, retryAfterMs, cure } = toResourceException(thrown)
  return JSON.stringify({ error: { code, message, reason, detail, retryAfterMs, cure } } satisfies AnswerMessage)
}

/** @throws ResourceException as the leader has thrown it */
export function parseAnswer(text: string): Answer {
  const parsed = parseStoredJson(text) as unknown as AnswerMessage
  if (!('error' in parsed)) return parsed.answer
  const { code, message, ...options } = parsed.error
  throw new ResourceException(code, message, options)
}

const RETRY_AFTER_MS = 1000

/** There is no leader that accepts calls: the last one has ended, or the next one is starting. */
export const leaderMissing = (): ResourceException =>
  new ResourceException(503, 'Reconciliation moves to another process: try again', {
    retryAfterMs: RETRY_AFTER_MS,
  })
