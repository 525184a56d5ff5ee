import { type Configured, ConfiguredObjects } from '../../config/files/configured-objects.ts'
import { faultAt, schemaFaults } from '../../config/files/fault.ts'
import type { ConfigurationFaults, Disposable, JsonObject, Logger } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import type { ScriptService } from '../../script/main/engine.ts'
import type { ReconService } from '../../sync/runs/recon-service.ts'
import { onCron } from './cron.ts'
import { type Schedule, scheduleSchema, timesOf } from './schedule.ts'

export interface SchedulesParts {
  readonly recon: ReconService
  readonly scripts: ScriptService | undefined
  readonly log: Logger
}

interface Job {
  readonly schedule: Schedule
  readonly fire: () => Promise<void>
  cron?: Disposable | undefined
}

/** What is wrong with a schedule. One that is switched off may name a script that is not there. */
export async function judgeSchedule(
  { object, content }: Configured,
  scripts: ScriptService | undefined,
): Promise<ConfigurationFaults> {
  const { data, error } = scheduleSchema.safeParse(content)
  if (error) return schemaFaults(error)
  if (!data.enabled || data.invokeService !== 'script' || !scripts) return []
  return scripts.compile(data.invokeContext.script ?? null, object.id).then(
    () => [],
    (fault: unknown) => [faultAt(['invokeContext', 'script'], fault)],
  )
}

/** Keeps the times of `conf/schedule-NAME.json`. */
export function schedules(parts: SchedulesParts): ConfiguredObjects<Job> {
  const jobOf = ({ object: { id }, content }: Configured): Job => {
    const schedule = scheduleSchema.parse(content)
    return { schedule, fire: () => fire(parts, id, schedule) }
  }
  const jobs: ConfiguredObjects<Job> = new ConfiguredObjects<Job>({
    factoryPid: 'schedule',
    validate: (entry) => judgeSchedule(entry, parts.scripts),
    provision: jobOf,
    // Its script may be there by the time it is due.
    fallback: (entry, key) =>
      scheduleSchema.safeParse(entry.content).success
        ? { ...jobOf(entry), fire: async () => (await jobs.retry(key))?.fire() }
        : undefined,
    swap: (next, old) => {
      void old?.cron?.dispose()
      if (next?.schedule.enabled) next.cron = onCron(timesOf(next.schedule), next.fire)
    },
    log: parts.log,
  })
  return jobs
}

async function fire(parts: SchedulesParts, id: string, { invokeService, invokeContext }: Schedule): Promise<void> {
  try {
    if (invokeService === 'sync') await reconcile(parts, String(invokeContext.mapping))
    else await runScript(parts, id, invokeContext)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    parts.log.error({ schedule: id }, `${id}: ${message}`)
  }
}

const RECON = { action: 'recon', ids: [], isAnalysis: false, persists: false } as const

async function reconcile({ recon }: SchedulesParts, mapping: string): Promise<void> {
  const run = await recon.start(mapping, { ...RECON, overrides: {} })
  await run.ended
}

async function runScript({ scripts }: SchedulesParts, name: string, { script, input }: JsonObject): Promise<void> {
  if (!scripts) throw new Error('this gateway runs no scripts')
  const compiled = await scripts.compile(isObject(script) ? script : null, name)
  await scripts.run(compiled, { object: input ?? null, input: input ?? null })
}
