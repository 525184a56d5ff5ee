import { z } from '../../core/schema.ts'
import { DURATION_FORMS, parseDuration } from '../../core/time/duration.ts'

const FORM = `must be ${DURATION_FORMS}`
const MAX_MS = 100 * 365 * 86_400_000

/** A duration in milliseconds, for what is kept or valid. */
export const validitySchema = (fallback: string) =>
  z
    .union([z.string(), z.number()], FORM)
    .nullish()
    .transform((value, context): number => {
      const ms = parseDuration(value ?? fallback, MAX_MS)
      if (ms !== undefined) return ms
      context.addIssue({ code: 'custom', message: FORM })
      return z.NEVER
    })
