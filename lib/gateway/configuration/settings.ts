/** `conf/gateway.json`: what only this gateway knows, so it has a file of its own. */
import type { JsonObject } from '../../contract.ts'
import { DURATION_FORMS, parseDuration } from '../../core/duration.ts'
import { z } from '../../core/schema.ts'
import { corsSchema } from './cors-settings.ts'

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
  /** Which web pages of other origins may call; without it `servletfilter-cors.json` says so, and else none. */
  cors: corsSchema.optional(),
  /** Whether callers may send `X-ForgeRock-TransactionId`. */
  trustTransactionHeader: z.boolean('must be true or false').default(false),
  /** How long requests under way may take when the gateway is told to stop. */
  stopTimeout,
})

export type Settings = z.infer<typeof settingsSchema>

/** The text of `gateway.json` that says what is in force without it. */
export const DEFAULT_SETTINGS: JsonObject = {
  cors: { allowedOrigins: [] },
  trustTransactionHeader: false,
  stopTimeout: '30 seconds',
}
