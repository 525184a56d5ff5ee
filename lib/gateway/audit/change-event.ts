/** Events of the topics `activity` and `config`: changes of objects, with secrets masked. */
import { isDeepStrictEqual } from 'node:util'
import type { JsonObject } from '../../contract.ts'
import { hideSecrets, hideUserInfo } from '../../core/hidden-secrets.ts'
import type { AuditEvent, AuditLog } from '../../core/telemetry/audit.ts'
import { type Pointer, printPointer } from '../../crest/pointer.ts'
import type { RequestContext } from '../../crest/protocol/request.ts'
import { callerOf } from '../../sync/runs/execution.ts'

export type Operation = 'CREATE' | 'UPDATE' | 'PATCH' | 'DELETE' | 'ACTION'

/** An object before and after; undefined where there is none. */
export interface Change {
  /** `managed/user/ID`, or the id of a configuration object. */
  readonly objectId: string
  readonly operation: Operation
  readonly before: JsonObject | undefined
  readonly after: JsonObject | undefined
  /** The new one; that of a deleted object. */
  readonly revision?: string | null
  readonly isSecret: (place: Pointer) => boolean
}

/** Who, and in which transaction. */
export const actorOf = (context: RequestContext) => ({
  transactionId: context.transactionId,
  userId: callerOf(context).name,
  runAs: callerOf(context).name,
})

/** Records a change of a managed object. */
export function recordActivity(audit: AuditLog, context: RequestContext, change: Change): void {
  if (!audit.wants('activity')) return
  const event = { eventName: 'activity', ...actorOf(context), ...changeOf(change, true) }
  audit.record('activity', { ...event, status: 'SUCCESS', message: null } as AuditEvent)
}

/** Records a change of the configuration. In a schema, `password` describes a property: only values are secret there. */
export function recordConfiguration(audit: AuditLog, context: RequestContext, change: Change): void {
  if (!audit.wants('config') || isDeepStrictEqual(change.before, change.after)) return
  audit.record('config', { eventName: 'config', ...actorOf(context), ...changeOf(change, false) } as AuditEvent)
}

function changeOf({ objectId, operation, before, after, revision, isSecret }: Change, wholeObjects: boolean) {
  const show = (object: JsonObject | undefined) =>
    object === undefined ? null : hideSecrets(object, { isSecret, wholeObjects, text: hideUserInfo })
  return {
    objectId,
    operation,
    before: show(before),
    after: show(after),
    changedFields: changedFields(before, after),
    revision: revision ?? null,
  }
}

/** Pointers to the members that differ. */
function changedFields(before: JsonObject = {}, after: JsonObject = {}): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].filter((name) => !isDeepStrictEqual(before[name], after[name])).map((name) => printPointer([name]))
}
