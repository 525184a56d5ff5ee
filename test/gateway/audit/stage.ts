/** A gateway with an audit, and what it has recorded. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../../lib/contract.ts'
import type { AuditTopic } from '../../../lib/core/telemetry/audit.ts'
import { packageRoot } from '../../../lib/gateway/project/package-info.ts'
import { until } from '../../helpers/until.ts'
import { startGateway, type TestGateway } from '../parts.ts'

export const ALL_TOPICS: readonly AuditTopic[] = ['access', 'activity', 'authentication', 'config', 'sync', 'recon']

const CLASSES = {
  json: 'org.forgerock.audit.handlers.json.JsonAuditEventHandler',
  stdout: 'org.forgerock.audit.handlers.json.stdout.JsonStdoutAuditEventHandler',
  repository: 'org.forgerock.openidm.audit.impl.RepositoryAuditEventHandler',
} as const

/** A handler of `audit.json`, which writes at once. */
export const handler = (kind: keyof typeof CLASSES, config: JsonObject = {}): JsonObject => ({
  class: CLASSES[kind],
  config: { name: kind, topics: [...ALL_TOPICS], buffering: { writeInterval: '1 ms' }, ...config },
})

/** `audit.json`. */
export const audit = (handlers: JsonObject[], more: JsonObject = {}): JsonObject => ({
  eventHandlers: handlers,
  ...more,
})

export interface AuditedGateway extends TestGateway {
  /** The events of a topic that are in the files, when `isThere` holds for them. */
  events(topic: AuditTopic, isThere?: (events: JsonObject[]) => boolean): Promise<JsonObject[]>
}

/** Starts a gateway with everything audited in files, unless `conf` has another `audit.json`. */
export async function startAudited(conf: Readonly<Record<string, unknown>> = {}): Promise<AuditedGateway> {
  const gateway = await startGateway({
    plugins: [packageRoot],
    conf: { 'audit.json': audit([handler('json')]), ...conf },
  })
  const events = (topic: AuditTopic, isThere: (events: JsonObject[]) => boolean = (all) => all.length > 0) =>
    until(async () => {
      const all = await eventsIn(auditFile(gateway.project.dir, topic))
      return isThere(all) && all
    }, `events of the topic ${topic} are there`)
  return { ...gateway, events }
}

export const auditFile = (project: string, topic: AuditTopic): string => join(project, 'audit', `${topic}.audit.json`)

export async function eventsIn(file: string): Promise<JsonObject[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JsonObject)
}
