/** `conf/schedule-NAME.json`: when to reconcile or to run a script. */
import type { JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { z } from '../../core/schema.ts'
import { cronFault } from './cron.ts'

const flag = (fallback: boolean) => z.boolean('must be true or false').default(fallback)

const SERVICES = ['sync', 'script'] as const

/** `org.forgerock.openidm.sync` is the long form of `sync`. */
const service = z
  .string(`must be one of ${SERVICES.join(', ')}`)
  .transform((name) => name.replace(/^org\.forgerock\.openidm\./, ''))
  .pipe(z.enum(SERVICES, `must be one of ${SERVICES.join(', ')}: this gateway can do nothing else at a time`))

const ZONE_FORM = 'must be the name of a time zone, such as "Europe/Oslo"'

/** The cron library looks at the zone only when it computes a time. */
function isTimeZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }) !== undefined
  } catch {
    return false
  }
}

const shape = z.looseObject({
  enabled: flag(true),
  type: z.literal('cron', 'must be "cron"').default('cron'),
  schedule: z.string('must be a cron expression, such as "0 0 2 * * ?"'),
  timeZone: z.string(ZONE_FORM).refine(isTimeZone, ZONE_FORM).nullish(),
  startTime: z.string('must be a time, such as "2026-01-31T06:00:00"').nullish(),
  endTime: z.string('must be a time, such as "2026-01-31T06:00:00"').nullish(),
  concurrentExecution: z
    .literal(false, 'must be false: a schedule whose last turn still goes on leaves the next one out')
    .default(false),
  invokeService: service,
  invokeContext: z.custom<JsonObject>(isObject, 'must be an object'),
})

export const scheduleSchema = shape.superRefine((schedule, context) => {
  const fault = cronFault(timesOf(schedule))
  if (fault !== undefined)
    context.addIssue({ code: 'custom', path: ['schedule'], message: `is no time to go by: ${fault}` })
  const { invokeService, invokeContext } = schedule
  const wrong = invokeService === 'sync' ? syncFault(invokeContext) : scriptFault(invokeContext)
  if (wrong !== undefined) context.addIssue({ code: 'custom', path: ['invokeContext'], message: wrong })
})

export type Schedule = z.infer<typeof shape>

export const timesOf = ({ schedule, timeZone, startTime, endTime }: Schedule) => ({
  pattern: schedule,
  timeZone: timeZone ?? undefined,
  start: startTime ?? undefined,
  end: endTime ?? undefined,
})

function syncFault({ action, mapping }: JsonObject): string | undefined {
  if (action !== 'reconcile') return 'action: must be "reconcile": there are no systems to synchronize live'
  return typeof mapping === 'string' && mapping !== '' ? undefined : 'mapping: must be the name of a mapping'
}

const scriptFault = ({ script }: JsonObject): string | undefined =>
  isObject(script) ? undefined : 'script: must be a script object'
