/** The settings of a mapping that keep its target in sync with what changes. */

import { z } from '../../core/schema.ts'
import { cronFault } from '../../core/time/cron.ts'
import { orScript, scriptSchema } from './condition.ts'
import { pointerSchema, targetPointerSchema } from './path.ts'
import { validitySchema } from './validity.ts'
import { count, flag, list } from './values.ts'

/** The fields whose change triggers implicit synchronization; empty = any change. */
export const triggersSchema = list(pointerSchema, 'must be an array of fields, such as ["/mail", "/name"]')

export const POST_RETRY_ACTIONS = ['logged-ignore', 'dead-letter-queue'] as const

const POST_RETRY_FORM = `must be one of ${POST_RETRY_ACTIONS.map((name) => `"${name}"`).join(', ')}, or a script`

export const queuedSyncShape = {
  enabled: flag(false),
  /** Max events that are read from the database at once. */
  pageSize: count(100),
  /** Milliseconds between two looks for events. */
  pollingInterval: count(1000),
  /** Max events that are held in memory. Any number waits on the disk. */
  maxQueueSize: count(1000),
  /** How often an event that failed is tried again; -1 = for ever. */
  maxRetries: count(5, -1),
  /** Milliseconds before the first retry; each further one waits longer. */
  retryDelay: count(1000, 0),
  /** What becomes of an event whose retries are used up. */
  postRetryAction: z
    .union([z.enum(POST_RETRY_ACTIONS), scriptSchema], orScript(POST_RETRY_FORM))
    .nullish()
    .transform((value) => value ?? 'dead-letter-queue'),
}

export const queuedSyncSchema = z
  .looseObject(queuedSyncShape, 'must be an object {"enabled", "maxRetries", "retryDelay", "postRetryAction"}')
  .nullish()
  .transform((value) => value ?? undefined)

const SWEEP_FORM = 'must be a cron expression of Quartz, such as "0 0 3 * * ?"'

export const incrementalShape = {
  /** The field of the source that holds when it was last changed. */
  changedField: targetPointerSchema,
  /** How much earlier than the last good run a run looks for changes. */
  overlap: validitySchema('5 minutes'),
  /** When a full run finds what incremental runs cannot see, such as deletions. */
  sweep: z
    .string(SWEEP_FORM)
    .nullish()
    .transform((value, context) => {
      const fault = value ? cronFault(value) : undefined
      if (fault !== undefined) context.addIssue({ code: 'custom', message: `${SWEEP_FORM}: ${fault}` })
      return value ?? undefined
    }),
}

export const incrementalSchema = z
  .looseObject(incrementalShape, 'must be an object {"changedField", "overlap", "sweep"}')
  .nullish()
  .transform((value) => value ?? undefined)

export const CONFLICT_RULES = ['source', 'target', 'exception'] as const

/** Which side wins where source and target of a pair have both changed since they agreed; absent: see `Agreement`. */
export const conflictSchema = z
  .enum(CONFLICT_RULES, `must be one of ${CONFLICT_RULES.map((name) => `"${name}"`).join(', ')}`)
  .nullish()
  .transform((value) => value ?? undefined)
