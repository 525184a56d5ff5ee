/** The schema of `conf/gateway.json`: settings that IDM does not have. */
import { signInSchema } from '../../console/sign-in.ts'
import type { JsonObject } from '../../contract.ts'
import { z } from '../../core/schema.ts'
import { DURATION_FORMS, parseDuration } from '../../core/time/duration.ts'
import { corsSchema } from './cors-settings.ts'

const CHECKS_FORM = 'must be an array of "configuration" and "instances"'

const STOP_FORM = `must be ${DURATION_FORMS}`
const stopTimeout = z
  .union([z.string(), z.number()], STOP_FORM)
  .transform((value, context) => {
    const ms = parseDuration(value)
    if (ms !== undefined && Number.isFinite(ms)) return ms
    context.addIssue({ code: 'custom', message: `${STOP_FORM}, but not unlimited` })
    return z.NEVER
  })
  .prefault('30 seconds')

export const settingsSchema = z.strictObject({
  /** Whether `console/` is served. */
  console: z.boolean('must be true or false').default(true),
  /** The OpenID provider at which people sign in to the console. */
  consoleSignIn: signInSchema.optional(),
  /** CORS policy. Default: `servletfilter-cors.json`, else no other origin. */
  cors: corsSchema.optional(),
  /** Whether callers may send `X-ForgeRock-TransactionId`. */
  trustTransactionHeader: z.boolean('must be true or false').default(false),
  /** Whether schedules that wait to be accepted run all the same; false holds all of them. */
  live: z.boolean('must be true or false').optional(),
  /** What makes `health/ready` answer 503, in addition to the state of the gateway and its database. */
  readinessChecks: z.array(z.enum(['configuration', 'instances'], CHECKS_FORM), CHECKS_FORM).default([]),
  /** Whether reconciliations that were interrupted go on when the gateway has started. */
  resumeRuns: z.boolean('must be true or false').default(false),
  /** Max time for requests in flight when the gateway stops. */
  stopTimeout,
})

export type Settings = z.infer<typeof settingsSchema>

/** The content of `gateway.json` that equals the defaults. */
export const DEFAULT_SETTINGS: JsonObject = {
  console: true,
  cors: { allowedOrigins: [] },
  trustTransactionHeader: false,
  resumeRuns: false,
  stopTimeout: '30 seconds',
}
