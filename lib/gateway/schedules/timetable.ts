/** When a schedule is due: pure functions. */
import { instantOf, nextCronTime } from '../../core/time/cron.ts'
import type { Schedule } from './schedule.ts'

/** The first time after `date`; null when there is none. */
export type Timetable = (date: Date) => Date | null

/** Everything that the times depend on. A job keeps its state as long as this is the same. */
export const timingOf = (schedule: Schedule): string => {
  const { type, schedule: pattern, repeatInterval, repeatCount, timeZone, startTime, endTime } = schedule
  return JSON.stringify([type, pattern, repeatInterval, repeatCount, timeZone, startTime, endTime])
}

/** @param activated when the job was created: the start of a simple schedule without `startTime` */
export function timetableOf(schedule: Schedule, activated: Date): Timetable {
  const { type, schedule: pattern, startTime, endTime, repeatInterval, repeatCount } = schedule
  const timeZone = schedule.timeZone ?? undefined
  const start = startTime ? instantOf(startTime, timeZone) : undefined
  const end = endTime ? instantOf(endTime, timeZone) : undefined
  if (type === 'cron') return (date) => nextCronTime({ pattern: pattern ?? '', timeZone, start, end }, date)
  return simple({ start: start ?? activated, end, interval: repeatInterval ?? 0, count: repeatCount ?? -1 })
}

interface SimpleTimes {
  readonly start: Date
  readonly end: Date | undefined
  /** Milliseconds; 0 = once. */
  readonly interval: number
  /** Repetitions after the first time; -1 = unlimited. */
  readonly count: number
}

const simple =
  ({ start, end, interval, count }: SimpleTimes): Timetable =>
  (date) => {
    const passed = date.getTime() - start.getTime()
    const repeats = passed < 0 ? 0 : interval === 0 ? 1 : Math.floor(passed / interval) + 1
    const last = interval === 0 ? 0 : count < 0 ? Number.POSITIVE_INFINITY : count
    const next = start.getTime() + repeats * interval
    return repeats > last || (end && next > end.getTime()) ? null : new Date(next)
  }

/** The default of Quartz: a time is missed if it is later than this. */
export const MISFIRE_THRESHOLD_MS = 60_000

export interface DueDecision {
  /** Whether to run the job now. */
  readonly fires: boolean
  /** When it is due next. */
  readonly next: Date | null
  readonly isMisfire: boolean
}

/** Applies the misfire policy to a job that was due at `due`. Several missed times count as one. */
export function decideDue(
  { misfirePolicy }: Pick<Schedule, 'misfirePolicy'>,
  timetable: Timetable,
  due: Date,
  now: Date,
): DueDecision {
  const isMisfire = now.getTime() - due.getTime() > MISFIRE_THRESHOLD_MS
  return { fires: !isMisfire || misfirePolicy === 'fireAndProceed', next: timetable(now), isMisfire }
}
