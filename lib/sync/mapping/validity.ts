import { DURATION_FORMS, parseDuration } from '../../core/duration.ts'
import { z } from '../../core/schema.ts'

const FORM = `must be ${DURATION_FORMS}`
const MAX_MS = 100 * 365 * 86_400_000

/** `planValidFor`, in milliseconds: how long a plan can be approved and carried out. */
export const validitySchema = z
  .union([z.string(), z.number()], FORM)
  .nullish()
  .transform((value, context): number => {
    const ms = parseDuration(value ?? '7 days', MAX_MS)
    if (ms !== undefined) return ms
    context.addIssue({ code: 'custom', message: FORM })
    return z.NEVER
  })
