import type { Json } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { AuditEvent, AuditLog } from '../../core/telemetry/audit.ts'
import { toResourceException } from '../../crest/errors.ts'
import type { ResourceRequest } from '../../crest/protocol/request.ts'
import { childPath } from '../../crest/protocol/resource-path.ts'
import type { Answer, RequestFilter } from '../../crest/protocol/router.ts'
import { actorOf, type Operation } from './change-event.ts'

/**
 * Resources whose writes and actions are recorded as they are asked for, without their objects. Managed objects and
 * configuration record their own changes.
 */
const ROUTES: ReadonlySet<string> = new Set(['recon', 'sync', 'scheduler', 'repo', 'script'])
/** Actions that only read. */
const READING: ReadonlySet<string> = new Set([
  'getLinkedResources',
  'validateQuartzCronExpression',
  'listCurrentlyExecutingJobs',
  'compile',
  'countByType',
])

/** Records who starts, approves, executes and cancels runs, performs actions, and changes schedules and links. */
export const activityFilter =
  (audit: AuditLog): RequestFilter =>
  (request, context, next) => {
    if (!isRecorded(request) || context.recorder || !audit.wants('activity')) return next(request)
    return recorded(audit, request, actorOf(context), () => next(request))
  }

function isRecorded(request: ResourceRequest): boolean {
  if (request.method === 'read' || request.method === 'query') return false
  const { resourcePath: path } = request
  const begin = path.startsWith('/') ? 1 : 0
  const end = path.indexOf('/', begin)
  if (!ROUTES.has(path.slice(begin, end < 0 ? undefined : end))) return false
  return request.method !== 'action' || !READING.has(request.action)
}

/** An upsert tries to create first. */
const UPDATED_AFTER: readonly number[] = [404, 412, 501]

async function recorded(
  audit: AuditLog,
  request: ResourceRequest,
  actor: ReturnType<typeof actorOf>,
  work: () => Promise<Answer>,
): Promise<Answer> {
  const common = { eventName: 'activity', ...actor }
  const operation = request.method.toUpperCase() as Operation
  const text = messageOf(request)
  try {
    const answer = await work()
    const rest = { objectId: objectIdOf(request, answer), operation, status: 'SUCCESS', message: text }
    audit.record('activity', { ...common, ...rest } as AuditEvent)
    return answer
  } catch (error) {
    const { code, message } = toResourceException(error)
    // The update that follows is the one that is recorded.
    if (request.method === 'create' && UPDATED_AFTER.includes(code)) throw error
    const rest = { objectId: objectIdOf(request), operation, status: 'FAILURE', message: `${text}: ${message}` }
    audit.record('activity', { ...common, ...rest } as AuditEvent)
    throw error
  }
}

/** `execute: only CREATE, limit 10`, `recon of the mapping people`. */
function messageOf(request: ResourceRequest): string {
  if (request.method !== 'action') return request.method
  const { action, additionalParameters, content } = request
  const { mapping, action: named } = additionalParameters
  const { only, limit } = isObject(content) ? content : {}
  const parts = [
    ...(Array.isArray(only) ? [`only ${only.join(', ')}`] : []),
    ...(typeof limit === 'number' ? [`limit ${limit}`] : []),
  ]
  return [
    action,
    ...(named === undefined ? [] : [` ${named}`]),
    ...(mapping === undefined ? [] : [` of the mapping ${mapping}`]),
    ...(parts.length === 0 ? [] : [`: ${parts.join(', ')}`]),
  ].join('')
}

/** The path of the object; of a new one, with the id that it has got. */
function objectIdOf(request: ResourceRequest, answer?: Answer): string {
  const path = request.resourcePath.replace(/^\/|\/$/g, '')
  const isNew = request.method === 'create' || (request.method === 'action' && !path.includes('/'))
  const id = isNew ? idIn(answer) : undefined
  return id === undefined ? path : childPath(path, id)
}

function idIn(answer: Answer): string | undefined {
  const { id, _id = id } = isObject(answer) ? (answer as { id?: Json; _id?: Json }) : {}
  return typeof _id === 'string' && _id !== '' ? _id : undefined
}
