/** The only importer of the cron library. */
import { Cron } from 'croner'

export interface CronTimes {
  /** Quartz syntax: seconds first, days of the week from 1 (Sunday) to 7, `?` for no specific value. */
  readonly pattern: string
  /** Default: the time zone of the machine. */
  readonly timeZone?: string | undefined
  readonly start?: Date | undefined
  readonly end?: Date | undefined
}

/** Why an expression is invalid in Quartz or in the library; undefined for a valid one. */
export function cronFault(pattern: string): string | undefined {
  const parts = pattern.trim().split(/\s+/)
  if (parts.length < 6 || parts.length > 7) return 'it must have six or seven parts: seconds come first'
  const days = [parts[3], parts[5]].filter((part) => part === '?')
  const isElsewhere = parts.some((part, index) => part === '?' && index !== 3 && index !== 5)
  if (days.length !== 1 || isElsewhere) return 'either the day of the month or the day of the week must be "?"'
  try {
    cronOf({ pattern })
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** The first time after `date`; null when there is none. */
export const nextCronTime = (times: CronTimes, date: Date): Date | null => cronOf(times).nextRun(date)

const FORM = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?$/

/**
 * Parses a time such as `2026-01-31T06:00:00`, in `timeZone` unless the text has an offset.
 * @returns undefined for anything else
 */
export function instantOf(text: string, timeZone?: string): Date | undefined {
  if (!FORM.test(text)) return undefined
  if (/(?:Z|[+-]\d\d:?\d\d)$/.test(text)) {
    const date = new Date(text)
    return Number.isNaN(date.getTime()) ? undefined : date
  }
  try {
    return cronOf({ pattern: text.replace(/\.\d+$/, ''), timeZone }).nextRun(new Date(0)) ?? undefined
  } catch {
    return undefined
  }
}

/** Computes times only; starts no timer. */
function cronOf({ pattern, timeZone, start, end }: CronTimes): Cron {
  // To the library, `?` means the current time.
  return new Cron(pattern.trim().replaceAll('?', '*'), {
    paused: true,
    alternativeWeekdays: true,
    sloppyRanges: true,
    ...(timeZone === undefined ? {} : { timezone: timeZone }),
    ...(start === undefined ? {} : { startAt: start }),
    ...(end === undefined ? {} : { stopAt: end }),
  })
}
