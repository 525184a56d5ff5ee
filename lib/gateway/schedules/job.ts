import type { JsonObject, Logger } from '../../contract.ts'
import type { JobState } from './job-store.ts'
import { isDisabled, type Schedule, scheduleSchema } from './schedule.ts'
import { decideDue, type Timetable, timetableOf, timingOf } from './timetable.ts'

/** Bounds the delay after the clock was changed or the machine was suspended. */
const MAX_WAIT_MS = 60_000

export interface JobOptions {
  readonly name: string
  /** With all expressions resolved. */
  readonly content: JsonObject
  /** With expressions as they are written. */
  readonly raw: JsonObject
  /** Whether it is `conf/schedule-NAME.json`. */
  readonly isFile: boolean
  /** The mapping whose sweep it is: not a file of its own. */
  readonly sweeps?: string | undefined
  /** The stored state of a persisted job. */
  readonly state: JobState | undefined
  /** Runs the service. @returns details for the log, `note` for its message; undefined = do not log */
  run(schedule: Schedule): Promise<JsonObject | undefined>
  /**
   * Stores the state of a persisted job; undefined deletes it.
   * @param from when it is due: what it follows. @returns false when another process was first, and nothing was stored
   */
  save(state: JobState | undefined, from?: JobState): Promise<boolean | undefined>
  isPaused(): boolean
  /** Whether it waits to be accepted: it does not run, and nothing of it is stored. */
  isHeld(): boolean
  readonly log: Logger
}

/** How often a held job looks whether it has been accepted. */
const HELD_MS = 2000
/** How soon a job is tried again whose state cannot be stored. */
const RETRY_MS = 2000

/** One schedule and its timer. */
export class Job {
  readonly name: string
  readonly isFile: boolean
  /** See JobOptions. */
  readonly sweeps: string | undefined
  readonly raw: JsonObject
  /** undefined if disabled. */
  readonly schedule: Schedule | undefined
  readonly #options: JobOptions
  readonly #timetable: Timetable
  #state: JobState
  #timer: NodeJS.Timeout | undefined
  #isStarted = false
  #wasHeld = false
  #running = 0
  #deciding: Promise<void> = Promise.resolve()

  /** @throws ZodError for invalid content of an enabled job */
  constructor(options: JobOptions) {
    const { name, content, isFile, raw } = options
    this.#options = options
    this.name = name
    this.isFile = isFile
    this.sweeps = options.sweeps
    this.raw = raw
    this.schedule = isDisabled(content) ? undefined : scheduleSchema.parse(content)
    const state = this.schedule?.persisted ? options.state : undefined
    const timing = this.schedule ? timingOf(this.schedule) : ''
    const isKept = state?.timing === timing
    const activated = isKept ? new Date(state.activated) : new Date()
    this.#timetable = this.schedule ? timetableOf(this.schedule, activated) : () => null
    // Timetables are exclusive; a simple schedule starts at `activated`.
    const first = () => this.#timetable(new Date(activated.getTime() - 1))
    this.#state = isKept
      ? state
      : { timing, activated: activated.toISOString(), previous: null, next: first()?.toISOString() ?? null }
  }

  get state(): JobState {
    return this.#state
  }

  get isRunning(): boolean {
    return this.#running > 0
  }

  /** Resolves when it runs, or does not, at the time that has come. */
  get decided(): Promise<void> {
    return this.#deciding
  }

  get isHeld(): boolean {
    return this.schedule !== undefined && this.#options.isHeld()
  }

  start(): void {
    this.#isStarted = true
    // What is stored already may have been changed since it was read.
    if (!this.isHeld && this.#state !== this.#options.state) void this.#save()
    this.arm()
  }

  stop(): void {
    this.#isStarted = false
    clearTimeout(this.#timer)
  }

  /** Runs the job if it is due, otherwise sets the timer. */
  arm(): void {
    clearTimeout(this.#timer)
    const { schedule } = this
    const { next } = this.#state
    if (!this.#isStarted || !schedule || next === null || this.#options.isPaused()) return
    const [due, now] = [new Date(next), new Date()]
    if (this.isHeld) this.#hold()
    else if (this.#wasHeld) this.#release()
    else if (now >= due) this.#deciding = this.#onDue(schedule, due, now)
    else {
      this.#timer = setTimeout(() => this.arm(), Math.min(due.getTime() - now.getTime(), MAX_WAIT_MS))
      this.#timer.unref()
    }
  }

  #hold(): void {
    this.#wasHeld = true
    this.#timer = setTimeout(() => this.arm(), HELD_MS)
    this.#timer.unref()
  }

  /** The times that have passed meanwhile are not missed ones. */
  #release(): void {
    this.#wasHeld = false
    this.#state = { ...this.#state, next: this.#timetable(new Date())?.toISOString() ?? null }
    void this.#save()
    this.arm()
  }

  /** Runs the job now. Resolves when it has ended; never rejects. */
  async fire(): Promise<void> {
    const { schedule } = this
    const { run, log, name } = this.#options
    if (!schedule) return
    this.#running += 1
    const begun = performance.now()
    const details = (): JsonObject => ({ schedule: name, ms: Math.round(performance.now() - begun) })
    try {
      const outcome = await run(schedule)
      if (!outcome) return
      const { note, ...facts } = outcome
      const end = typeof note === 'string' ? `: ${note}` : ''
      log[schedule.invokeLogLevel]({ ...details(), ...facts }, `schedule ${name} has run${end}`)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      log.error(details(), `schedule ${name} failed: ${message}`)
    } finally {
      this.#running -= 1
    }
  }

  /**
   * Stores the next time before the run, so that a crash does not repeat it, and only one process runs it: who was the leader
   * may not know yet that another one is.
   */
  async #onDue(schedule: Schedule, due: Date, now: Date): Promise<void> {
    const { name, log } = this.#options
    const { fires, next, isMisfire } = decideDue(schedule, this.#timetable, due, now)
    const isBusy = this.isRunning && !schedule.concurrentExecution
    const runs = fires && !isBusy
    const from = this.#state
    const previous = runs ? due.toISOString() : from.previous
    this.#state = { ...this.#state, previous, next: next?.toISOString() ?? null }
    if (isMisfire) log.warn({ schedule: name, due, runs }, `schedule ${name} missed its time`)
    else if (isBusy) log.debug({ schedule: name, due }, `schedule ${name} is still running: skipped`)
    const isOurs = await this.#save(from)
    if (isOurs === undefined) return this.#tryAgain(from)
    if (runs && isOurs && this.#isStarted) void this.fire()
    this.arm()
  }

  #tryAgain(from: JobState): void {
    this.#state = from
    if (!this.#isStarted) return
    this.#timer = setTimeout(() => this.arm(), RETRY_MS)
    this.#timer.unref()
  }

  /** @returns false when another process was first; undefined when it could not be stored */
  async #save(from?: JobState): Promise<boolean | undefined> {
    const { save, log, name } = this.#options
    try {
      return (await save(this.schedule?.persisted ? this.#state : undefined, from)) ?? true
    } catch (error) {
      log.error({ err: error, schedule: name }, `schedule ${name}: the state could not be stored`)
      return undefined
    }
  }
}
