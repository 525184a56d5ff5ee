/** The schema of `conf/schedule-NAME.json` and `scheduler/job/NAME`. */
import type { ConfigurationFault, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { noEffect, unknownMembers, z } from '../../core/schema.ts'
import { cronFault, instantOf } from '../../core/time/cron.ts'
import { HELD_CURE } from '../../sync/mapping/liveness.ts'

const FLAG = 'must be true or false'
/** IDM also accepts them as strings. */
const asFlag = (value: unknown): unknown => (value === 'true' ? true : value === 'false' ? false : value)
const flag = (fallback: boolean) => z.preprocess(asFlag, z.boolean(FLAG).default(fallback))

const SERVICES = ['sync', 'script'] as const
const PREFIX = 'org.forgerock.openidm.'

/** `org.forgerock.openidm.sync` is the long form of `sync`. */
const service = z
  .string(`must be one of ${SERVICES.join(', ')}`)
  .transform((name) => (name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name))
  .pipe(z.enum(SERVICES, `must be one of ${SERVICES.join(', ')}: there are no other services here`))

/** The name of a service as IDM shows it. */
export const longName = (name: string): string => (name.includes('.') ? name : `${PREFIX}${name}`)

const ZONE_FORM = 'must be the name of a time zone, such as "Europe/Oslo"'

/** The cron library checks the zone only when it computes a time. */
function isTimeZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }) !== undefined
  } catch {
    return false
  }
}

const TIME_FORM = 'must be a time, such as "2026-01-31T06:00:00"'
const CRON_FORM = 'must be a cron expression, such as "0 0 2 * * ?"'
const INTERVAL_FORM = 'must be a number of milliseconds, such as 3600000'
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const

const shape = z.looseObject({
  enabled: flag(true),
  type: z.enum(['cron', 'simple'], 'must be "cron" or "simple"').default('cron'),
  schedule: z.string(CRON_FORM).nullish(),
  repeatInterval: z.int(INTERVAL_FORM).min(0, INTERVAL_FORM).nullish(),
  repeatCount: z.int('must be a whole number').min(-1, 'must be -1 or above').nullish(),
  timeZone: z.string(ZONE_FORM).refine(isTimeZone, ZONE_FORM).nullish(),
  startTime: z.string(TIME_FORM).nullish(),
  endTime: z.string(TIME_FORM).nullish(),
  persisted: flag(false),
  misfirePolicy: z
    .enum(['fireAndProceed', 'doNothing'], 'must be "fireAndProceed" or "doNothing"')
    .default('fireAndProceed'),
  concurrentExecution: flag(false),
  invokeService: service,
  invokeContext: z.custom<JsonObject>(isObject, 'must be an object'),
  invokeLogLevel: z.enum(LEVELS, `must be one of ${LEVELS.join(', ')}`).default('info'),
})

export const scheduleSchema = shape.superRefine((schedule, context) => {
  const fail = (name: string, message: string) => context.addIssue({ code: 'custom', path: [name], message })
  if (schedule.type === 'cron') {
    const fault = schedule.schedule ? cronFault(schedule.schedule) : undefined
    if (!schedule.schedule) fail('schedule', CRON_FORM)
    if (fault !== undefined) fail('schedule', `is not a valid cron expression: ${fault}`)
  }
  const zone = schedule.timeZone && isTimeZone(schedule.timeZone) ? schedule.timeZone : undefined
  for (const name of ['startTime', 'endTime'] as const) {
    const time = schedule[name]
    if (time && !instantOf(time, zone)) fail(name, TIME_FORM)
  }
  const { invokeService, invokeContext } = schedule
  const wrong = invokeService === 'sync' ? syncFault(invokeContext) : scriptFault(invokeContext)
  if (wrong !== undefined) fail('invokeContext', wrong)
})

export type Schedule = z.infer<typeof shape>

function syncFault({ action, mapping, changed }: JsonObject): string | undefined {
  if (action !== 'reconcile') return 'action: must be "reconcile": liveSync is not supported'
  if (typeof mapping !== 'string' || mapping === '') return 'mapping: must be the name of a mapping'
  return changed === undefined || typeof asFlag(changed) === 'boolean' ? undefined : `changed: ${FLAG}`
}

const scriptFault = ({ script }: JsonObject): string | undefined =>
  isObject(script) ? undefined : 'script: must be a script object'

/** Whether a schedule asks only for what changed. */
export const asksChanged = ({ changed }: JsonObject): boolean => asFlag(changed) === true

/** A disabled schedule is not validated: it may use services of an IDM. */
export const isDisabled = (content: unknown): boolean => isObject(content) && asFlag(content.enabled) === false

/** Members of responses that clients send back. */
const SHOWN = ['_id', '_rev', 'triggers', 'previousRunDate', 'nextRunDate', 'configAlias'] as const

/** The definition in the body of a request. */
export const definitionIn = (content: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(content).filter(([name]) => !SHOWN.some((shown) => shown === name)))

/** Members without effect. */
export const ignoredInSchedule = (content: JsonObject): string[] =>
  unknownMembers(definitionIn(content), shape).filter(
    (name) => name !== 'recoverable' || asFlag(content[name]) === true,
  )

/** The same as notices of a file. */
export const scheduleNotices = (content: unknown): ConfigurationFault[] =>
  isObject(content) && !isDisabled(content) ? ignoredInSchedule(content).map((name) => noEffect([name])) : []

/** Where a mapping reads and writes. */
export type MappingOf = (name: string) => { readonly source: string; readonly target: string } | undefined

/** What a schedule that is held would do. */
export function heldNotices(content: unknown, mappingOf: MappingOf): ConfigurationFault[] {
  const { data } = scheduleSchema.safeParse(content)
  if (!data || isDisabled(content)) return []
  const { invokeService, invokeContext } = data
  const name = String(invokeContext.mapping)
  const mapping = invokeService === 'sync' ? mappingOf(name) : undefined
  const what = invokeService === 'script' ? 'run a script' : `reconcile the mapping ${name}`
  const where = mapping ? `, which reads ${mapping.source} and writes to ${mapping.target}` : ''
  return [{ pointer: [], reason: `it is held: it would ${what}${where}`, cure: HELD_CURE }]
}
