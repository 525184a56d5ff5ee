import type { JsonObject } from '../../contract.ts'
import type { AuditEvent, AuditLog } from '../../core/telemetry/audit.ts'
import type { RequestContext, Resource } from '../../crest/protocol/request.ts'
import { childPath } from '../../crest/protocol/resource-path.ts'
import type { Row } from '../../repo/runs/run-row.ts'
import type { RunStore, StoredRun } from '../../repo/runs/run-store.ts'
import { ACTION_RULES, isAction } from '../action.ts'
import type { Mapping } from '../mapping/mapping.ts'
import type { MappingRegistry } from '../mapping/registry.ts'
import { callerOf, INTERNAL } from '../runs/execution.ts'
import type { RunObserver } from '../runs/run-observer.ts'
import { auditEntry, auditFrame, rowStream } from './entries.ts'

export interface RunAuditOptions {
  readonly audit: AuditLog
  readonly runs: RunStore
  readonly mappings: MappingRegistry
}

/** Records what reconciliations and single actions do: the topics `recon` and `sync`. */
export class RunAudit implements RunObserver {
  readonly #options: RunAuditOptions

  constructor(options: RunAuditOptions) {
    this.#options = options
  }

  started(run: StoredRun): void {
    const { audit } = this.#options
    if (audit.wants('recon')) audit.record('recon', eventOf(run, auditFrame(run, 'start')))
  }

  /** The results of all objects come from the stored rows, as `audit/recon` shows them, and so does what ended with a crash. */
  async ended(id: string): Promise<void> {
    const { audit, runs, mappings } = this.#options
    if (!audit.wants('recon')) return
    const run = await runs.find(id)
    if (!run) return
    const collections = mappings.find(run.mapping)?.mapping
    for await (const { resource } of rowStream(runs.rows(run.number), null, (row) =>
      auditEntry(run, row, collections),
    )) {
      // Who may not lose events waits, and loses them only when they cannot be written at all.
      await audit.room()?.catch(() => undefined)
      audit.record('recon', eventOf(run, resource))
    }
    audit.record('recon', eventOf(run, auditFrame(run, 'summary')))
  }

  performed(mapping: Mapping, row: Row, context: RequestContext): void {
    const { audit } = this.#options
    if (!audit.wants('sync') || (isAction(row.action) && !ACTION_RULES[row.action].reported)) return
    const { failure, sourceId, targetId } = row
    audit.record('sync', {
      eventName: 'sync',
      transactionId: context.transactionId,
      userId: callerOf(context).name,
      mapping: mapping.name,
      situation: row.situation,
      action: row.action,
      linkQualifier: row.qualifier,
      sourceObjectId: sourceId === null ? null : childPath(mapping.source, sourceId),
      targetObjectId: targetId === null ? null : childPath(mapping.target, targetId),
      status: row.status,
      message: failure ? String(failure.message) : null,
      messageDetail: failure ? (failure.detail ?? null) : null,
      exception: failure ? `${String(failure.reason)}: ${String(failure.message)}` : null,
    } as AuditEvent)
  }
}

/** `audit/recon` names the administrator, as IDM does; here it is who started the run. */
function eventOf({ content }: StoredRun, { id, content: entry }: Resource): AuditEvent {
  const userId = typeof content.startedBy === 'string' ? content.startedBy : INTERNAL.name
  const message = entry.entryType === 'start' ? `Reconciliation initiated by ${userId}` : (entry.message ?? null)
  const { timestamp, ...rest } = entry as JsonObject & { readonly timestamp: string }
  return { _id: id, ...(timestamp !== '' && { timestamp }), ...rest, userId, message } as unknown as AuditEvent
}
