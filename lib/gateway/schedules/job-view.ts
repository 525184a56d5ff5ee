/** The responses of `scheduler/job` and `scheduler/trigger`, with the members that IDM has. */
import type { JsonObject } from '../../contract.ts'
import { instantOf } from '../../core/time/cron.ts'
import type { Job } from './job.ts'
import { longName, type Schedule } from './schedule.ts'

const GROUP = 'scheduler-service-group'
const MISFIRE_INSTRUCTIONS = { fireAndProceed: 1, doNothing: 2 } as const

/** `scheduler/trigger/ID`. */
export const triggerId = ({ name }: Job): string => `${GROUP}.trigger-${name}`

/** A disabled job is not validated and shown as it is. */
export function definitionOf({ schedule, raw }: Job): JsonObject {
  const given: JsonObject = { ...raw, ...(schedule as JsonObject | undefined) }
  return {
    enabled: schedule !== undefined,
    persisted: given.persisted ?? false,
    recoverable: raw.recoverable ?? false,
    misfirePolicy: given.misfirePolicy ?? 'fireAndProceed',
    schedule: given.schedule ?? null,
    repeatInterval: given.repeatInterval ?? 0,
    repeatCount: given.repeatCount ?? (given.type === 'simple' ? -1 : 0),
    type: given.type ?? 'cron',
    invokeService: longName(String(given.invokeService ?? '')),
    // Unresolved: an expression may stand for a secret.
    invokeContext: raw.invokeContext ?? null,
    invokeLogLevel: given.invokeLogLevel ?? 'info',
    timeZone: given.timeZone ?? null,
    startTime: given.startTime ?? null,
    endTime: given.endTime ?? null,
    concurrentExecution: given.concurrentExecution ?? false,
  }
}

/** @param paused whether jobs are paused */
export const jobContent = (job: Job, paused: boolean): JsonObject => ({
  ...definitionOf(job),
  triggers: job.schedule ? [{ ...triggerContent(job, job.schedule, paused || job.isHeld), _id: triggerId(job) }] : [],
  previousRunDate: job.schedule ? job.state.previous : null,
  nextRunDate: job.schedule && !job.isHeld ? job.state.next : null,
})

export function triggerContent(job: Job, schedule: Schedule, paused: boolean): JsonObject {
  const { name, state } = job
  const common = { name: `trigger-${name}`, group: GROUP }
  return {
    ...common,
    calendar: null,
    jobKey: `${GROUP}.${name}`,
    nodeId: null,
    previousState: null,
    serialized: {
      ...common,
      ...timesOf(schedule),
      calendarName: null,
      description: null,
      startTime: milliseconds(state.activated),
      endTime: (schedule.endTime && instantOf(schedule.endTime, schedule.timeZone ?? undefined)?.getTime()) ?? null,
      jobGroup: GROUP,
      jobName: name,
      misfireInstruction: MISFIRE_INSTRUCTIONS[schedule.misfirePolicy],
      nextFireTime: milliseconds(state.next),
      previousFireTime: milliseconds(state.previous),
      priority: 5,
      volatility: !schedule.persisted,
    },
    state: paused ? 'PAUSED' : state.next === null ? 'COMPLETE' : 'NORMAL',
  }
}

function timesOf({ type, schedule, timeZone, repeatInterval, repeatCount }: Schedule): JsonObject {
  if (type === 'simple')
    return { type: 'SimpleTriggerImpl', repeatInterval: repeatInterval ?? 0, repeatCount: repeatCount ?? -1 }
  const zone = timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone
  return { type: 'CronTriggerImpl', cronEx: { cronExpression: schedule ?? '', timeZone: zone } }
}

const milliseconds = (time: string | null): number | null => (time === null ? null : Date.parse(time))
