/** `conf/gateway.json`: what only this gateway knows, so it has a file of its own. */
import { DURATION_FORMS, parseDuration } from '../util/duration.ts'
import { z } from '../util/schema.ts'

const ORIGIN_FORM = 'must be an origin such as "https://app.example.com"'
const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text

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
  /** Which web pages of other origins may call; none unless named. */
  cors: z
    .strictObject({
      allowedOrigins: z.array(z.string(ORIGIN_FORM).refine(isOrigin, ORIGIN_FORM), 'must be an array of origins'),
    })
    .prefault({ allowedOrigins: [] }),
  /** Whether callers may send `X-ForgeRock-TransactionId`. */
  trustTransactionHeader: z.boolean('must be true or false').default(false),
  /** How long requests under way may take when the gateway is told to stop. */
  stopTimeout,
})

export type Settings = z.infer<typeof settingsSchema>
