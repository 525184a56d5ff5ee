import { type Configured, ConfiguredObjects } from '../../config/files/configured-objects.ts'
import type { ConfigurationConsumer, ConfigurationService, Disposable, JsonObject } from '../../contract.ts'
import { silentLog } from '../../core/log.ts'
import { Scope } from '../../core/scope.ts'
import type { Connection } from '../../crest/protocol/connection.ts'
import type { ResourceRouter } from '../../crest/protocol/router.ts'
import type { Repository } from '../../repo/repository.ts'
import type { ScriptService } from '../../script/main/engine.ts'
import type { Job } from './job.ts'
import { JobResource } from './job-resource.ts'
import { JobStore } from './job-store.ts'
import { Jobs, type JobsOptions, judgeSchedule } from './jobs.ts'
import { heldNotices, scheduleNotices, scheduleSchema } from './schedule.ts'
import { Sweeps } from './sweeps.ts'

export interface SchedulesOptions extends Omit<JobsOptions, 'store'> {
  readonly router: Pick<ResourceRouter, 'add'>
  readonly repository: Repository
  readonly configuration: ConfigurationService
  readonly connection: Connection
}

/** Runs the schedules of `conf/schedule-NAME.json` and of `scheduler/job`, and serves the route `scheduler`. */
export async function startSchedules(options: SchedulesOptions): Promise<Disposable> {
  const { router, repository, configuration, connection, log } = options
  const scope = new Scope(log)
  try {
    const jobs = new Jobs({ ...options, store: await JobStore.open(repository) })
    const files = scope.own('schedules', fileJobs(jobs, options))
    // Disposed before the set of files, whose disposal must not delete states.
    scope.own('jobs', jobs)
    await jobs.open()
    scope.own('schedule-*.json', await configuration.subscribe(files))
    const { mappings } = options.recon.parts
    scope.own('sweeps', await Sweeps.start({ jobs, mappings, log }))
    await jobs.begin()
    scope.own('route scheduler', router.add('scheduler', new JobResource(jobs, connection)))
    return scope
  } catch (error) {
    await scope.dispose()
    throw error
  }
}

/** Judges `conf/schedule-NAME.json` without running it. */
export const judgeSchedules = (scripts: ScriptService | undefined): ConfigurationConsumer =>
  new ConfiguredObjects({
    factoryPid: 'schedule',
    validate: ({ content, object }) => judgeSchedule(content, object.id, scripts),
    provision: ({ content }) => content,
    notices: ({ content }) => scheduleNotices(content),
    log: silentLog,
  })

function fileJobs(jobs: Jobs, options: SchedulesOptions): ConfiguredObjects<Job> {
  const nameOf = ({ object: { id, alias } }: Configured): string => alias ?? id
  const rawOf = ({ object: { raw, content } }: Configured): JsonObject => raw ?? content ?? {}
  const files: ConfiguredObjects<Job> = new ConfiguredObjects<Job>({
    factoryPid: 'schedule',
    validate: (entry) => judgeSchedule(entry.content, entry.object.id, options.scripts),
    provision: (entry) => jobs.provision(nameOf(entry), entry.content as JsonObject, rawOf(entry)),
    // The script may exist when the job is due.
    fallback: async (entry, key) => {
      if (!scheduleSchema.safeParse(entry.content).success) return undefined
      const run = async () => {
        const job = await files.retry(key)
        // A simple schedule may have started with it.
        if (job && job.state.previous === null) await job.fire()
        return undefined
      }
      return jobs.provision(nameOf(entry), entry.content as JsonObject, rawOf(entry), { run })
    },
    swap: (next, old) => {
      if (next) jobs.put(next)
      else if (old) jobs.remove(old)
    },
    notices: (entry) => [
      ...scheduleNotices(entry.content),
      ...(options.isHeld(nameOf(entry)) ? heldNotices(entry.content, (name) => options.recon.mapping(name)) : []),
    ],
    log: options.log,
  })
  return files
}
