import { z } from '../util/schema.ts'

/** How much a run may delete: so many objects, or a share of the targets. */
export type MaxDeletes = { readonly count: number } | { readonly share: number }

/** A tenth of the targets; see `allowedDeletes`. */
export const DEFAULT_MAX_DELETES: MaxDeletes = { share: 0.1 }

/** Fewer than this never stop a run that has a share for its limit. */
const NEVER_BELOW = 20

export const MAX_DELETES_FORM = 'must be a whole number of objects, or a share of the targets such as "10%"'

/** Reads `50` or `10%`; undefined for anything else. */
export function parseMaxDeletes(value: unknown): MaxDeletes | undefined {
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string') return undefined
  const [, number = '', percent] = /^\s*(\d+(?:\.\d+)?)\s*(%?)\s*$/.exec(text) ?? []
  if (number === '') return undefined
  if (percent) return Number(number) <= 100 ? { share: Number(number) / 100 } : undefined
  return Number.isInteger(Number(number)) ? { count: Number(number) } : undefined
}

export const maxDeletesSchema = z
  .unknown()
  .transform((value, context): MaxDeletes | undefined => {
    if (value === undefined || value === null) return undefined
    const limit = parseMaxDeletes(value)
    if (limit) return limit
    context.addIssue({ code: 'custom', message: MAX_DELETES_FORM })
    return z.NEVER
  })
  .optional()

/** How many of `targets` objects a run may delete. */
export const allowedDeletes = (limit: MaxDeletes, targets: number): number =>
  'count' in limit ? limit.count : Math.max(Math.floor(limit.share * targets), NEVER_BELOW - 1)
