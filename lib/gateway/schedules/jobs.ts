import { describeFaults, faultAt, schemaFaults } from '../../config/files/fault.ts'
import type { ConfigurationFaults, Disposable, JsonObject, Logger } from '../../contract.ts'
import { badRequest } from '../../crest/errors.ts'
import type { ScriptService } from '../../script/main/engine.ts'
import { Job, type JobOptions } from './job.ts'
import type { JobStore } from './job-store.ts'
import { definitionIn, ignoredInSchedule, isDisabled, scheduleSchema } from './schedule.ts'
import { invoke, type Services } from './services.ts'

/** The faults of a schedule. A disabled one has none. */
export async function judgeSchedule(
  content: unknown,
  name: string,
  scripts: ScriptService | undefined,
): Promise<ConfigurationFaults> {
  if (isDisabled(content)) return []
  const { data, error } = scheduleSchema.safeParse(content)
  if (error) return schemaFaults(error)
  if (data.invokeService !== 'script' || !scripts) return []
  return scripts.compileWhole(data.invokeContext.script ?? null, name).then(
    () => [],
    (fault: unknown) => [faultAt(['invokeContext', 'script'], fault)],
  )
}

export interface JobsOptions extends Services {
  readonly store: JobStore
  /** Whether a schedule of `conf/` waits to be accepted. */
  readonly isHeld: (name: string) => boolean
  /** The same of a mapping that is swept. */
  readonly isMappingHeld: (mapping: string) => boolean
  readonly log: Logger
}

/** What is not as for other jobs. */
type Special = Partial<Pick<JobOptions, 'run' | 'sweeps'>>

/** The jobs of files and of REST, by name. A file replaces a REST job of the same name. */
export class Jobs implements Disposable {
  readonly #options: JobsOptions
  readonly #jobs = new Map<string, Job>()
  #isPaused = false
  #isClosed = false

  constructor(options: JobsOptions) {
    this.#options = options
  }

  /** Starts the stored REST jobs. The jobs of files must be in place. */
  async begin(): Promise<void> {
    const { store, log } = this.#options
    for (const [name, definition] of await store.definitions()) {
      if (this.#jobs.has(name)) continue
      const faults = await judgeSchedule(definition, name, undefined)
      if (faults.length > 0) log.error({ schedule: name }, `schedule ${name}: ${sentences(name, definition, faults)}`)
      else this.put(await this.#restJob(name, definition))
    }
    await store.retainStates(new Set(this.#jobs.keys()))
  }

  /** Must be called before the first job starts. */
  async open(): Promise<void> {
    this.#isPaused = await this.#options.store.isPaused()
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  get(name: string): Job | undefined {
    return this.#jobs.get(name)
  }

  /** Sorted by name. */
  all(): Job[] {
    return [...this.#jobs.values()].sort((one, other) => (one.name < other.name ? -1 : 1))
  }

  /** Creates the job of a file, or of a mapping, without starting it. */
  provision(name: string, content: JsonObject, raw: JsonObject, special: Special = {}): Promise<Job> {
    return this.#build({ name, content, raw, isFile: true, ...special })
  }

  /** Starts a job and stops the one that it replaces. */
  put(job: Job): void {
    this.#jobs.get(job.name)?.stop()
    if (this.#isClosed) return
    this.#jobs.set(job.name, job)
    if (job.isFile) this.#later(job.name, this.#options.store.forgetDefinition(job.name))
    job.start()
  }

  /** Stops a job and, unless the gateway is stopping, deletes its state. */
  remove(job: Job): void {
    job.stop()
    if (this.#isClosed || this.#jobs.get(job.name) !== job) return
    this.#jobs.delete(job.name)
    this.#later(job.name, this.#options.store.forget(job.name))
  }

  /**
   * Creates or replaces a REST job, and stores it if it is persisted.
   * @throws badRequest for an invalid definition
   */
  async define(name: string, given: JsonObject): Promise<Job> {
    const { store, scripts } = this.#options
    const definition = { persisted: true, ...definitionIn(given) }
    const faults = await judgeSchedule(definition, name, scripts)
    if (faults.length > 0) throw badRequest(sentences(name, definition, faults))
    const job = await this.#restJob(name, definition)
    if (job.schedule?.persisted === false) await store.forget(name)
    else await store.saveDefinition(name, definition)
    this.put(job)
    return job
  }

  async forget(job: Job): Promise<void> {
    job.stop()
    this.#jobs.delete(job.name)
    await this.#options.store.forget(job.name)
  }

  /** Survives a restart. When it resolves, a job whose time came before runs: none begins any more. */
  async pause(paused: boolean): Promise<void> {
    await this.#options.store.savePaused(paused)
    this.#isPaused = paused
    const jobs = [...this.#jobs.values()]
    for (const job of jobs) job.arm()
    await Promise.all(jobs.map((job) => job.decided))
  }

  /** Resolves when what is being stored is stored. */
  dispose(): Promise<void> {
    this.#isClosed = true
    for (const job of this.#jobs.values()) job.stop()
    return this.#options.store.idle()
  }

  #restJob(name: string, definition: JsonObject): Promise<Job> {
    return this.#build({ name, content: definition, raw: definition, isFile: false })
  }

  async #build(own: Pick<JobOptions, 'name' | 'content' | 'raw' | 'isFile'> & Special) {
    const { store, log } = this.#options
    const { name, content, isFile, sweeps } = own
    const isHeld = () => (sweeps === undefined ? this.#options.isHeld(name) : this.#options.isMappingHeld(sweeps))
    // The notices of a file name them.
    const ignored = isFile || isDisabled(content) ? [] : ignoredInSchedule(content)
    if (ignored.length > 0) log.warn({ schedule: name, ignored }, `schedule ${name}: no effect: ${ignored.join(', ')}`)
    return new Job({
      run: (schedule) => invoke(this.#options, schedule, { name, waits: sweeps !== undefined }),
      ...own,
      state: await store.state(name),
      save: async (state, from) => {
        if (state && from) return store.advance(name, from, state)
        await (state ? store.saveState(name, state) : store.forgetState(name))
        return true
      },
      isPaused: () => this.#isPaused,
      isHeld: () => isFile && isHeld(),
      log,
    })
  }

  #later(name: string, work: Promise<void>): void {
    work.catch((error: unknown) =>
      this.#options.log.error(
        { err: error, schedule: name },
        `schedule ${name}: it could not be deleted from the database`,
      ),
    )
  }
}

const sentences = (name: string, content: JsonObject, faults: ConfigurationFaults): string =>
  describeFaults({ file: name, content }, faults)
