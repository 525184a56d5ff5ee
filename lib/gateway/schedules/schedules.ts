import { describeFaults, faultAt, schemaFaults } from '../../config/files/fault.ts'
import type {
  ConfigurationConsumer,
  ConfigurationFault,
  ConfigurationObject,
  ConfigurationService,
  Disposable,
  JsonObject,
  Logger,
} from '../../contract.ts'
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

interface Running extends Disposable {
  /** What it was made from: tells whether it changed. */
  readonly content: string
}

/** Keeps the times of `conf/schedule-NAME.json`; a broken edit keeps the last good ones. */
export class Schedules implements ConfigurationConsumer, Disposable {
  readonly factoryPid = 'schedule'
  readonly #parts: SchedulesParts
  readonly #running = new Map<string, Running>()
  #subscription: Disposable | undefined

  constructor(parts: SchedulesParts) {
    this.#parts = parts
  }

  async follow(configuration: ConfigurationService): Promise<void> {
    this.#subscription = await configuration.subscribe(this)
  }

  /** A schedule that is switched off may name a script that is not there. */
  async validate(id: string, content: JsonObject): Promise<ConfigurationFault[]> {
    const parsed = scheduleSchema.safeParse(content)
    if (!parsed.success) return schemaFaults(parsed.error)
    const { enabled, invokeService, invokeContext } = parsed.data
    const { scripts } = this.#parts
    if (!enabled || invokeService !== 'script' || !scripts) return []
    const compiled = scripts.compile(invokeContext.script ?? null, id)
    return compiled.then(
      () => [],
      (error: unknown) => [faultAt(['invokeContext', 'script'], error)],
    )
  }

  async apply(objects: readonly ConfigurationObject[]): Promise<void> {
    const present = new Set(objects.map(({ id }) => id))
    for (const id of [...this.#running.keys()].filter((id) => !present.has(id))) await this.#end(id)
    for (const object of objects) await this.#take(object)
  }

  async dispose(): Promise<void> {
    await this.#subscription?.dispose()
    for (const id of [...this.#running.keys()]) await this.#end(id)
  }

  async #take(object: ConfigurationObject): Promise<void> {
    const { id, content, file } = object
    if (content === undefined) return
    const parsed = scheduleSchema.safeParse(content)
    if (!parsed.success) {
      const faults = describeFaults(object, schemaFaults(parsed.error))
      this.#parts.log.error({ file }, `${file}: ${faults}; what was in force stays`)
      return
    }
    const text = JSON.stringify(content)
    if (this.#running.get(id)?.content === text) return
    await this.#end(id)
    const schedule = parsed.data
    if (!schedule.enabled) return
    const { dispose } = onCron(timesOf(schedule), () => this.#fire(id, schedule))
    this.#running.set(id, { content: text, dispose })
  }

  async #end(id: string): Promise<void> {
    await this.#running.get(id)?.dispose()
    this.#running.delete(id)
  }

  async #fire(id: string, { invokeService, invokeContext }: Schedule): Promise<void> {
    try {
      if (invokeService === 'sync') await this.#reconcile(String(invokeContext.mapping))
      else await this.#runScript(id, invokeContext)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      this.#parts.log.error({ schedule: id }, `${id}: ${message}`)
    }
  }

  async #reconcile(mapping: string): Promise<void> {
    const run = await this.#parts.recon.start(mapping, { ...RECON, overrides: {} })
    await run.ended
  }

  async #runScript(name: string, { script, input }: JsonObject): Promise<void> {
    const { scripts } = this.#parts
    if (!scripts) throw new Error('this gateway runs no scripts')
    const compiled = await scripts.compile(isObject(script) ? script : null, name)
    await scripts.run(compiled, { object: input ?? null, input: input ?? null })
  }
}

const RECON = { action: 'recon', ids: [], isAnalysis: false, persists: false } as const
