import { isDeepStrictEqual } from 'node:util'
import type { Disposable, Logger } from '../../contract.ts'
import { SerialQueue } from '../../core/serial-queue.ts'
import type { MappingRegistry } from '../../sync/mapping/registry.ts'
import type { Job } from './job.ts'
import type { Jobs } from './jobs.ts'

export interface SweepsOptions {
  readonly jobs: Pick<Jobs, 'get' | 'provision' | 'put' | 'remove'>
  readonly mappings: Pick<MappingRegistry, 'all' | 'watch'>
  readonly log: Logger
}

interface Sweep {
  readonly mapping: string
  readonly schedule: string
}

/** The name of the job of a mapping's sweep. */
export const sweepName = (mapping: string): string => `sweep-${mapping}`

/** One job for each mapping with `incremental.sweep`: the full run that finds what runs over changes cannot see. */
export class Sweeps implements Disposable {
  readonly #options: SweepsOptions
  readonly #updates = new SerialQueue()
  readonly #watch: Disposable
  #own = new Map<string, { readonly sweep: Sweep; readonly job: Job }>()
  #isClosed = false

  private constructor(options: SweepsOptions) {
    this.#options = options
    this.#watch = options.mappings.watch(() => void this.#later())
  }

  /** Resolves when the jobs of the mappings in force are there. */
  static async start(options: SweepsOptions): Promise<Sweeps> {
    const sweeps = new Sweeps(options)
    await sweeps.#later()
    return sweeps
  }

  async dispose(): Promise<void> {
    this.#isClosed = true
    await this.#watch.dispose()
    await this.#updates.idle()
  }

  #later(): Promise<void> {
    const { log } = this.#options
    return this.#updates
      .add(() => this.#update())
      .catch((error: unknown) => log.error({ err: error }, 'the sweeps of mappings were not scheduled'))
  }

  async #update(): Promise<void> {
    if (this.#isClosed) return
    const { jobs, mappings, log } = this.#options
    const wanted = new Map<string, Sweep>()
    for (const { mapping } of mappings.all()) {
      const schedule = mapping.incremental?.sweep
      if (schedule !== undefined) wanted.set(sweepName(mapping.name), { mapping: mapping.name, schedule })
    }
    for (const [name, { job }] of this.#own) {
      if (wanted.has(name)) continue
      jobs.remove(job)
      this.#own.delete(name)
    }
    for (const [name, sweep] of wanted) {
      const own = this.#own.get(name)
      const present = jobs.get(name)
      if (own && own.job === present && isDeepStrictEqual(own.sweep, sweep)) continue
      if (present && present !== own?.job)
        log.error(
          { schedule: name, mapping: sweep.mapping },
          `mapping ${sweep.mapping}: incremental.sweep is not scheduled: another schedule is named ${name}, rename that`,
        )
      else this.#own.set(name, { sweep, job: await this.#put(name, sweep) })
    }
  }

  async #put(name: string, { mapping, schedule }: Sweep): Promise<Job> {
    const { jobs } = this.#options
    const content = {
      ...{ enabled: true, type: 'cron', schedule, persisted: true, invokeService: 'sync' },
      invokeContext: { action: 'reconcile', mapping },
    }
    const job = await jobs.provision(name, content, content, { sweeps: mapping })
    jobs.put(job)
    return job
  }
}
