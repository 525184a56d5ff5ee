/** `conf/audit.json` in IDM's form: handlers, topics, filters. */
import { join, resolve } from 'node:path'
import type { JsonObject } from '../../contract.ts'
import { z } from '../../core/schema.ts'
import { type AuditTopic, isAuditTopic } from '../../core/telemetry/audit.ts'
import { DURATION_FORMS, parseDuration, UNLIMITED } from '../../core/time/duration.ts'

const HANDLERS: Readonly<Record<string, HandlerKind>> = {
  JsonAuditEventHandler: 'json',
  JsonStdoutAuditEventHandler: 'stdout',
  RepositoryAuditEventHandler: 'repository',
}

export type HandlerKind = 'json' | 'stdout' | 'repository'

/** Of a class such as `org.forgerock.audit.handlers.json.JsonAuditEventHandler`; undefined for others. */
export const kindOf = (className: unknown): HandlerKind | undefined =>
  typeof className === 'string' ? HANDLERS[className.split('.').at(-1) ?? ''] : undefined

const BOOLEAN_FORM = 'must be true or false'
const COUNT_FORM = 'must be a whole number'
const NAMES_FORM = 'must be an array of names'
const POINTERS_FORM = 'must be an array of JSON pointers such as "/access/http/request/headers/host"'
const DURATION_FORM = `must be ${DURATION_FORMS}`

const flag = z
  .union([z.boolean(), z.enum(['true', 'false'])], BOOLEAN_FORM)
  .transform((value) => String(value) === 'true')
const names = z.array(z.string(NAMES_FORM), NAMES_FORM)
const count = z.number(COUNT_FORM).int(COUNT_FORM)
const duration = z.union([z.string(), z.number()], DURATION_FORM).transform((value, context) => {
  const ms = value === 'disabled' ? 0 : parseDuration(value)
  if (ms !== undefined) return ms === 0 ? UNLIMITED : ms
  context.addIssue({ code: 'custom', message: DURATION_FORM })
  return z.NEVER
})

const MEGABYTE = 1024 * 1024

/** Bytes of a file, after which the next one begins. */
const MAX_FILE_BYTES = 100 * MEGABYTE
const MAX_HISTORY_FILES = 20
const MAX_QUEUED = 10_000
const MAX_STORED = 100_000

export const fileRotation = z.looseObject({
  rotationEnabled: flag.default(true),
  maxFileSize: count.default(MAX_FILE_BYTES),
  rotationInterval: duration.default(86_400_000),
})
export const fileRetention = z.looseObject({
  maxNumberOfHistoryFiles: count.default(MAX_HISTORY_FILES),
  maxDiskSpaceToUse: count.default(0),
})
const buffering = z.looseObject({
  maxSize: count.min(1, COUNT_FORM).default(MAX_QUEUED),
  writeInterval: duration.default(100),
})

export const handlerConfig = z.looseObject({
  name: z.string('must be a name').optional(),
  enabled: flag.default(true),
  topics: names.optional(),
  logDirectory: z
    .string('must be a directory')
    .refine((path) => !path.includes('&{'), 'must be a directory; its expression has no value')
    .optional(),
  buffering: buffering.prefault({}),
  fileRotation: fileRotation.prefault({}),
  fileRetention: fileRetention.prefault({}),
  /** What IDM does not have: whether events are lost, or requests wait, where they are not written fast enough. */
  onOverload: z.enum(['drop', 'block'], 'must be "drop" or "block"').default('drop'),
  /** Of the repository: events of each topic, of which the oldest are deleted. */
  maxStoredEvents: count.min(1, COUNT_FORM).default(MAX_STORED),
})

export const handlerSchema = z.looseObject({ class: z.string('must be the name of a class'), config: z.unknown() })

const policy = z.looseObject({
  includeIf: z.array(z.string(POINTERS_FORM), POINTERS_FORM).default([]),
  excludeIf: z.array(z.string(POINTERS_FORM), POINTERS_FORM).default([]),
})

export const topicSchema = z.looseObject({
  filter: z
    .looseObject({
      actions: names.optional(),
      fields: z
        .array(z.looseObject({ name: z.string('must be the name of a field'), values: names }), 'must be an array')
        .default([]),
    })
    .prefault({}),
  /** Of the topic `activity`: empty = all fields. */
  watchedFields: names.default([]),
  passwordFields: names.default(['password']),
})

const file = z.looseObject({
  auditServiceConfig: z
    .looseObject({
      handlerForQueries: z.string('must be the name of a handler').optional(),
      filterPolicies: z.looseObject({ field: policy.prefault({}), value: policy.prefault({}) }).prefault({}),
    })
    .prefault({}),
  eventHandlers: z.array(handlerSchema, 'must be an array of handlers').default([]),
  eventTopics: z.record(z.string(), topicSchema).default({}),
})

export interface HandlerSettings {
  readonly name: string
  readonly kind: HandlerKind
  readonly topics: ReadonlySet<AuditTopic>
  readonly config: z.infer<typeof handlerConfig>
}

export interface AuditSettings {
  /** The handlers in force. */
  readonly handlers: readonly HandlerSettings[]
  readonly topics: Readonly<Partial<Record<AuditTopic, z.infer<typeof topicSchema>>>>
  /** Pointers with the topic as their first name: `/access/client/port`. */
  readonly excluded: readonly string[]
  /** Pointers to what is left out unless it is named. */
  readonly included: readonly string[]
  readonly handlerForQueries: string | undefined
}

/** Where a handler names no topics. The repository has the topic `access` only when it is named. */
const TOPICS: Readonly<Record<HandlerKind, readonly AuditTopic[]>> = {
  json: ['access', 'activity', 'authentication', 'config', 'sync'],
  stdout: ['access', 'activity', 'authentication', 'config', 'sync'],
  repository: ['activity', 'authentication', 'config', 'sync'],
}

export const auditSchema = file.transform(
  ({ auditServiceConfig, eventHandlers, eventTopics }, context): AuditSettings => {
    const handlers = eventHandlers.flatMap((handler, index): HandlerSettings[] => {
      const kind = kindOf(handler.class)
      const { enabled = true } = { ...(handler.config as JsonObject | undefined) }
      if (!kind || String(enabled) === 'false') return []
      const { data, error } = handlerConfig.safeParse(handler.config ?? {})
      for (const { path, message } of error?.issues ?? [])
        context.addIssue({ code: 'custom', path: ['eventHandlers', index, 'config', ...path], message })
      if (!data) return []
      const topics = new Set((data.topics ?? TOPICS[kind]).filter(isAuditTopic))
      return [{ name: data.name ?? kind, kind, topics, config: data }]
    })
    const { field, value } = auditServiceConfig.filterPolicies
    return {
      handlers,
      topics: eventTopics,
      excluded: [...field.excludeIf, ...value.excludeIf],
      included: [...field.includeIf, ...value.includeIf],
      handlerForQueries: auditServiceConfig.handlerForQueries,
    }
  },
)

/** The directory of the files of a handler. */
export const directoryOf = ({ logDirectory }: HandlerSettings['config'], projectDir: string): string =>
  logDirectory === undefined ? join(projectDir, 'audit') : resolve(projectDir, logDirectory)

/**
 * In force without `audit.json`, in its form: the few events that say who decided what. IDM's own file has requests and
 * logins, too, which are one or two lines for each request.
 */
export const DEFAULT_AUDIT: JsonObject = {
  auditServiceConfig: { handlerForQueries: 'json' },
  eventHandlers: [
    {
      class: 'org.forgerock.audit.handlers.json.JsonAuditEventHandler',
      config: { name: 'json', topics: ['activity', 'authentication', 'config', 'recon'] },
    },
  ],
  eventTopics: {
    activity: { filter: { actions: ['action'] } },
    authentication: { filter: { fields: [{ name: 'result', values: ['FAILED'] }] } },
    recon: { filter: { fields: [{ name: 'entryType', values: ['start', 'summary'] }] } },
  },
}

export const defaultAudit = (): AuditSettings => auditSchema.parse(DEFAULT_AUDIT)
