/** The one place that names the cron library. */
import { Cron } from 'croner'
import type { Disposable } from '../../contract.ts'

export interface CronTimes {
  /** As Quartz has it: seconds first, days of the week from 1 (Sunday) to 7, `?` for no matter. */
  readonly pattern: string
  readonly timeZone: string | undefined
  readonly start: string | undefined
  readonly end: string | undefined
}

/** Why `times` are none; undefined when they are. */
export function cronFault(times: CronTimes): string | undefined {
  try {
    cronOf(times, { paused: true }).stop()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Calls `work` at these times until disposed; a time that comes while the call before goes on is left out. */
export function onCron(times: CronTimes, work: () => Promise<void>): Disposable {
  const job = cronOf(times, { protect: true }, work)
  return { dispose: () => job.stop() }
}

/** The next time after `date`; null when there is none. */
export const nextTime = (times: CronTimes, date: Date): Date | null => cronOf(times, { paused: true }).nextRun(date)

function cronOf(
  { pattern, timeZone, start, end }: CronTimes,
  options: { paused?: boolean; protect?: boolean },
  work?: () => Promise<void>,
): Cron {
  const all = {
    ...options,
    alternativeWeekdays: true,
    sloppyRanges: true,
    ...(timeZone === undefined ? {} : { timezone: timeZone }),
    ...(start === undefined ? {} : { startAt: start }),
    ...(end === undefined ? {} : { stopAt: end }),
  }
  // The library reads `?` as the moment at which it reads it.
  const standard = pattern.replaceAll('?', '*')
  return work ? new Cron(standard, all, work) : new Cron(standard, all)
}
