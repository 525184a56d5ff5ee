import { z } from '../../core/schema.ts'

/** A number of objects, or a share of the targets from 0 to 1. */
export type Limit = { readonly count: number } | { readonly share: number }

export const LIMIT_FORM = 'must be a whole number of objects, or a share of the targets such as "10%"'

/** Reads `50` or `10%`; undefined for anything else. */
export function parseLimit(value: unknown): Limit | undefined {
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string') return undefined
  const [, number = '', percent] = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text.trim()) ?? []
  if (number === '') return undefined
  if (percent) return Number(number) <= 100 ? { share: Number(number) / 100 } : undefined
  return Number.isInteger(Number(number)) ? { count: Number(number) } : undefined
}

/** `maxDeletes` and `maxClears`. */
export const limitSchema = z
  .unknown()
  .transform((value, context): Limit | undefined => {
    if (value === undefined || value === null) return undefined
    const limit = parseLimit(value)
    if (limit) return limit
    context.addIssue({ code: 'custom', message: LIMIT_FORM })
    return z.NEVER
  })
  .optional()
