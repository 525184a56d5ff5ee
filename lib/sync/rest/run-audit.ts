import type { Logger } from '../../contract.ts'
import type { AuditEvent, AuditLog } from '../../core/telemetry/audit.ts'
import type { RequestContext, Resource } from '../../crest/protocol/request.ts'
import { childPath } from '../../crest/protocol/resource-path.ts'
import type { Row } from '../../repo/runs/run-row.ts'
import type { RunStore, StoredRun } from '../../repo/runs/run-store.ts'
import { ACTION_RULES, isAction } from '../action.ts'
import type { Mapping } from '../mapping/mapping.ts'
import type { PrivateFields } from '../mapping/private-fields.ts'
import type { MappingRegistry } from '../mapping/registry.ts'
import { callerOf, INTERNAL } from '../runs/execution.ts'
import type { RunObserver } from '../runs/run-observer.ts'
import { auditEntry, auditFrame, conflictsOf, rowStream } from './entries.ts'

export interface RunAuditOptions {
  readonly audit: AuditLog
  readonly runs: RunStore
  readonly mappings: MappingRegistry
  readonly privateFields: PrivateFields
  readonly log: Logger
}

/** Records what reconciliations and single actions do: the topics `recon` and `sync`. */
export class RunAudit implements RunObserver {
  readonly #options: RunAuditOptions
  /** When the runs that are active began or went on, ISO 8601. */
  readonly #begun = new Map<string, string>()

  constructor(options: RunAuditOptions) {
    this.#options = options
  }

  started(run: StoredRun): void {
    const { audit } = this.#options
    this.#begun.set(run.id, new Date().toISOString())
    if (audit.wants('recon')) audit.record('recon', frameEvent(run, 'start'))
  }

  /**
   * The results of the objects come from the stored rows, as `audit/recon` shows them, and so do those of a run that a crash
   * has ended. A run that was resumed has the events of its earlier part already.
   */
  async ended(id: string): Promise<void> {
    const { log } = this.#options
    try {
      await this.#tell(id)
    } catch (error) {
      log.error({ err: error, reconId: id }, 'the results of a reconciliation were not audited')
    }
  }

  async #tell(id: string): Promise<void> {
    const { audit, runs } = this.#options
    const begun = this.#begun.get(id) ?? ''
    this.#begun.delete(id)
    if (!audit.wants('recon')) return
    const run = await runs.find(id)
    if (!run) return
    if (audit.wants('recon', 'entry')) await this.#tellRows(run, begun)
    audit.record('recon', frameEvent(run, 'summary'))
  }

  async #tellRows(run: StoredRun, begun: string): Promise<void> {
    const { audit, runs, mappings, privateFields } = this.#options
    const collections = mappings.find(run.mapping)?.mapping
    const secrets = collections && privateFields.ofMapping(collections)
    const show = (row: Row) => ((row.ended ?? '') < begun ? undefined : auditEntry(run, row, collections, secrets))
    for await (const { resource } of rowStream(runs.rows(run.number), null, show)) {
      // Who may not lose events waits, and loses them only when they cannot be written at all.
      await audit.room()?.catch(() => undefined)
      audit.record('recon', { ...eventOf(run, resource), _id: resource.id })
    }
  }

  performed(mapping: Mapping, row: Row, context: RequestContext): void {
    const { audit, privateFields } = this.#options
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
      targetObjectId: targetId,
      status: row.status === 'UNKNOWN' ? 'FAILURE' : row.status,
      message: failure ? String(failure.message) : null,
      messageDetail: failure
        ? {
            ...{ code: failure.code, reason: failure.reason, message: failure.message },
            ...conflictsOf(row, privateFields.ofMapping(mapping)),
          }
        : null,
      exception: failure ? `${String(failure.reason)}: ${String(failure.message)}` : null,
    } as AuditEvent)
  }
}

/** Its id is its own: a resumed run begins and ends more than once. */
function frameEvent(run: StoredRun, type: 'start' | 'summary'): AuditEvent {
  const event = eventOf(run, auditFrame(run, type))
  return type === 'start' ? { ...event, message: `Reconciliation initiated by ${event.userId}` } : event
}

/** `audit/recon` names the administrator, as IDM does; here it is who started the run. */
function eventOf({ content }: StoredRun, { content: entry }: Resource): AuditEvent {
  const userId = typeof content.startedBy === 'string' ? content.startedBy : INTERNAL.name
  const { timestamp, ...rest } = entry
  return { ...(timestamp !== '' && { timestamp }), ...rest, userId } as unknown as AuditEvent
}
