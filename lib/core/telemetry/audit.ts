/** Who did what: the interface through which all rooms record it. */
import type { JsonObject } from '../../contract.ts'

/** The topics of IDM's audit service. */
export const AUDIT_TOPICS = ['access', 'activity', 'authentication', 'config', 'sync', 'recon'] as const

export type AuditTopic = (typeof AUDIT_TOPICS)[number]

export const isAuditTopic = (name: unknown): name is AuditTopic => (AUDIT_TOPICS as readonly unknown[]).includes(name)

/** What all events have; `_id`, `timestamp` and `trackingIds` are added where they are absent. */
export type AuditEvent = JsonObject & {
  readonly eventName: string
  /** Absent: a transaction of its own. */
  readonly transactionId?: string | undefined
  readonly userId: string | null
}

export interface AuditLog {
  /**
   * Whether events of the topic are recorded: without it, callers do not build them.
   * @param kind the `result` of a login, or the `entryType` of a reconciliation, where only some may be recorded
   */
  wants(topic: AuditTopic, kind?: string): boolean
  /** Records an event. Never throws and never waits: see `room`. The event has no secrets. */
  record(topic: AuditTopic, event: AuditEvent): void
  /**
   * What makes events waits here first: undefined when there is room.
   * @throws serviceUnavailable when events must not be lost and cannot be written
   */
  room(): Promise<void> | undefined
}

export const noAudit: AuditLog = { wants: () => false, record: () => undefined, room: () => undefined }
