import { randomUUID } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Disposable, JsonObject } from '../../contract.ts'
import { SerialQueue } from '../../core/serial-queue.ts'
import { conflict, notFound } from '../../crest/errors.ts'
import type { RequestContext } from '../../crest/protocol/request.ts'
import type { StoredRun } from '../../repo/runs/run-store.ts'
import { runHop } from '../context/awaited-links.ts'
import { pilotOverrides } from '../context/pilot.ts'
import type { RunServices } from '../context/run-context.ts'
import { actionsOf, type RunOptions } from '../context/run-options.ts'
import { IncrementalRuns } from '../incremental/incremental-runs.ts'
import type { Mapping } from '../mapping/mapping.ts'
import type { ConfiguredMapping, MappingRegistry } from '../mapping/registry.ts'
import { checkPart, type ExecuteRequest, executionOptions, INTERNAL, inherited, judgeDeferred } from './execution.ts'
import { HeldRuns } from './held-runs.ts'
import { Plans, type PlansOptions, shownContent } from './plans.ts'
import { beginOf, endInterrupted, giveUp, resumable, resumeState } from './resume.ts'
import { forgetRows, retain } from './retention.ts'
import { Run } from './run.ts'
import type { RunMetrics } from './run-metrics.ts'
import type { RunObserver } from './run-observer.ts'
import { incrementalOf } from './settle-incremental.ts'
import { noteUndone, type UndoRequest, undoable, undoOf, undoOptions } from './undo.ts'

export interface ReconServiceOptions extends RunServices, PlansOptions {
  readonly mappings: MappingRegistry
  /** Access on behalf of a caller, in place of that of the gateway itself. */
  readonly accessOf?: ((caller: RequestContext) => Pick<RunServices, 'connection' | 'scripts'>) | undefined
  readonly metrics?: Pick<RunMetrics, 'follow'> | undefined
  readonly observer?: RunObserver | undefined
}

/** Starts reconciliations, one at a time for each mapping, and stores their results. */
export class ReconService implements Disposable {
  readonly parts: ReconServiceOptions
  readonly plans: Plans
  readonly #incremental: IncrementalRuns
  readonly #active = new Map<string, Run | undefined>()
  readonly #ending = new Set<Promise<void>>()
  readonly #retention = new SerialQueue()
  readonly #held = new HeldRuns()
  #count = 0
  #peak = 0
  #closed = false

  constructor(parts: ReconServiceOptions) {
    this.parts = parts
    this.plans = new Plans(parts)
    this.#incremental = new IncrementalRuns(parts)
  }

  /** Marks runs that a crash interrupted, but for those that cannot be decrypted: what resuming them needs would be lost. */
  async begin(): Promise<void> {
    const { runs, observer, log } = this.parts
    for await (const { id } of endInterrupted(runs, log)) void this.#retention.add(() => observer?.ended(id))
    // Many rows take a while; nothing waits for their removal.
    void this.#retain()
  }

  /**
   * Starts a run. Where the mapping requires approval, one that was to write makes a plan that waits for it.
   * @throws conflict when there is no such mapping, or a run of it is active; badRequest when it cannot be a pilot run
   */
  async start(name: string, asked: RunOptions): Promise<Run> {
    const configured = await this.parts.mappings.usable(name)
    const waits = configured.mapping.requireApproval && !asked.isAnalysis
    const given = { ...asked, overrides: { ...asked.overrides, ...pilotOverrides(configured.mapping, asked) } }
    const digestOf = () => this.plans.digest(configured, given.overrides)
    const chosen = await this.#incremental.begin(configured.mapping, given, digestOf)
    const options = { ...chosen, ...(waits && { waits, isAnalysis: true, persists: true }) }
    const { isAnalysis, persists, overrides, startedBy = INTERNAL } = options
    const digest = await this.plans.digest(configured, overrides)
    const plan = isAnalysis && persists && this.plans.begin(configured, digest, overrides, startedBy)
    return this.#launch(configured, { ...options, startedBy, digest, ...(plan && { plan }) }, async (run) =>
      run.start(),
    )
  }

  /**
   * Plans to undo a run: a plan like any other.
   * @throws notFound, and conflict when it cannot be undone
   */
  async undo(id: string, request: UndoRequest = {}): Promise<Run> {
    const { undo, configured } = await undoable(this.parts, await this.stored(id), request)
    const options = await undoOptions(this.plans, configured, undo, request.by ?? INTERNAL)
    return this.#launch(configured, options, async (run) => run.start())
  }

  /**
   * Carries out the plan of an analysis as it is, or a part of it: what has changed since is skipped and reported. For a run
   * that has ended, carries out the rows that were deferred until their sources are assessed.
   * @throws notFound, and conflict when there is nothing to carry out
   */
  execute(id: string, request: ExecuteRequest = {}): Promise<Run> {
    return this.#held.hold(id, () => this.#execute(id, request))
  }

  async #execute(id: string, { overrides = {}, part, acceptedBy, by = INTERNAL }: ExecuteRequest): Promise<Run> {
    const { runs } = this.parts
    const planned = await this.stored(id)
    const configured = await this.parts.mappings.usable(planned.mapping)
    const record = await this.plans.executable(planned, configured)
    if (!record && part) throw conflict('Only a part of a plan can be chosen with only and limit')
    const rows = runs.rows(planned.number)
    const takesDeferred = await judgeDeferred(rows, planned, { isPlan: record !== undefined, acceptedBy })
    if (part) await checkPart(rows, part, takesDeferred)
    const settings = { ...(record && inherited(record)), ...overrides }
    const digest = await this.plans.digest(configured, settings)
    const given = { overrides: settings, digest, startedBy: by, acceptedBy }
    const undo = record && undoOf(planned)
    const options = executionOptions(planned, record, { ...given, undo, incremental: incrementalOf(planned) })
    const begin = async (run: Run, number: number) => {
      if (undo) await noteUndone(runs, { run: run.id, by: by.name }, undo)
      if (!record) {
        await rows.release()
        await runs.moveOpenRows(planned.number, number)
        return run.startApproved()
      }
      const moved = part && { actions: actionsOf(part), limit: part.limit, takesDeferred }
      const { only = null, limit = null } = part ?? {}
      const execution = { run: run.id, by: by.name, at: new Date().toISOString(), only, limit }
      await this.plans.executing(id, execution, number, moved)
      if (takesDeferred) await runs.rows(number).release()
      run.startApproved(this.plans.follow(run.id, number, options))
    }
    return this.#launch(configured, options, begin, { isApproved: true })
  }

  /**
   * Continues an interrupted run under its id. What was planned is checked against the present state and carried out; a run
   * that was interrupted while it planned begins again.
   * @throws notFound, and conflict when it cannot be resumed or what it was started with has changed
   */
  resume(id: string): Promise<Run> {
    return this.#held.hold(id, () => this.#resume(id))
  }

  async #resume(id: string): Promise<Run> {
    const stored = await this.stored(id)
    const state = resumable(stored)
    const configured = await this.parts.mappings.usable(stored.mapping)
    const { digest, overrides } = state.options
    const changed = digest ? await this.plans.changedSince(configured, { digest, overrides }) : []
    if (changed.length > 0)
      throw conflict(`Since the run was interrupted, ${changed.join(', ')} changed: start another run`)
    const begin = async (run: Run, number: number) => {
      if (state.totals) return run.resume(stored, state)
      if (state.isApproved) return run.startApproved(this.plans.follow(run.id, number, state.options))
      await this.parts.runs.restart(number)
      run.start()
    }
    return this.#launch(configured, state.options, begin, { stored })
  }

  /** Active runs, the maximum number of concurrent runs so far, and the limit: one run per mapping. */
  get load() {
    return { active: this.#active.size, peak: this.#peak, limit: this.parts.mappings.all().length }
  }

  isRunning(mapping: string): boolean {
    return this.#active.has(mapping)
  }

  /** Resolves when no run of the mapping is active. */
  async idle(mapping: string): Promise<void> {
    while (this.#active.has(mapping)) await (this.#active.get(mapping)?.ended ?? nextTurn())
  }

  /** The mapping in force. */
  mapping(name: string) {
    return this.parts.mappings.find(name)?.mapping
  }

  /** All stored runs from the oldest to the latest, as `recon` shows them. */
  async list(): Promise<JsonObject[]> {
    return (await this.parts.runs.all()).map((run) => this.#shown(run))
  }

  /** @throws notFound */
  async get(id: string): Promise<JsonObject> {
    return this.#shown(await this.stored(id))
  }

  /** @throws notFound */
  async stored(id: string): Promise<StoredRun> {
    const run = await this.parts.runs.find(id)
    if (!run) throw notFound(`Reconciliation ${id} not found`)
    return run
  }

  /** Stops a run, or gives one up that was interrupted. @throws notFound, and conflict when it has ended */
  async cancel(id: string): Promise<void> {
    const stored = await this.stored(id)
    const run = this.#running(id)
    if (!run && stored.content.resumable === true)
      return this.#held.hold(id, async () => giveUp(this.parts.runs, await this.stored(id)))
    const { state } = run ?? stored
    if (!run || state !== 'ACTIVE') throw conflict(`Reconciliation ${id} has ended already (${state})`)
    run.cancel()
  }

  /** @throws notFound, and conflict while it runs */
  remove(id: string): Promise<JsonObject> {
    return this.#held.hold(id, async () => {
      const run = await this.stored(id)
      if (this.#running(id)) throw conflict(`Reconciliation ${id} is running: cancel it first`)
      await this.parts.runs.remove(run.number)
      return this.#shown(run)
    })
  }

  /** Interrupts the active runs, and resolves when the rows in flight have ended. */
  async dispose(): Promise<void> {
    this.#closed = true
    for (const run of this.#active.values()) run?.interrupt()
    while (this.#ending.size > 0) await Promise.all(this.#ending)
    await this.#retention.idle()
  }

  async #launch(
    { mapping, config }: ConfiguredMapping,
    options: RunOptions,
    begin: (run: Run, number: number) => Promise<void>,
    { stored, isApproved = false }: { readonly stored?: StoredRun; readonly isApproved?: boolean } = {},
  ): Promise<Run> {
    if (this.#closed) throw conflict('The gateway is stopping')
    const last = this.#active.get(mapping.name)
    // A run that is over is active until its last state is stored.
    if (last && last.state !== 'ACTIVE') await last.ended
    if (this.#active.has(mapping.name))
      throw conflict(`A reconciliation of ${mapping.name} is running already: there is one at a time for each mapping`)
    this.#active.set(mapping.name, undefined)
    this.#peak = Math.max(this.#peak, this.#active.size)
    try {
      const { runs, mappings } = this.parts
      const { id, number } = stored ?? (await this.#insert(mapping, options, isApproved))
      const others = mappings.all().map((entry) => entry.mapping)
      const snapshot = await runs.snapshot(number)
      const access = this.parts.accessOf?.({ syncChain: [runHop(mapping.name)] })
      const parts = { ...this.parts, ...access, id, number, mapping, config, mappings: others, options, snapshot }
      const run = new Run(parts, stored && beginOf(stored))
      this.#active.set(mapping.name, run)
      this.#follow(run, options.isAnalysis && !options.persists ? number : undefined)
      await this.#begin(run, number, begin).catch(async (error: unknown) => {
        await run.fail(error, stored !== undefined)
        throw error
      })
      return run
    } catch (error) {
      this.#active.delete(mapping.name)
      throw error
    }
  }

  async #begin(run: Run, number: number, begin: (run: Run, number: number) => Promise<void>): Promise<void> {
    await this.parts.runs.update(number, run.state, run.toJSON())
    this.parts.observer?.started(await this.stored(run.id))
    await begin(run, number)
  }

  async #insert(mapping: Mapping, options: RunOptions, isApproved: boolean): Promise<{ id: string; number: number }> {
    this.#count += 1
    const id = `${randomUUID()}-${this.#count}`
    const { isAnalysis, persists } = options
    const resume = resumeState(options, mapping, isApproved)
    const run = { id, mapping: mapping.name, state: 'ACTIVE', isAnalysis, persists, content: {}, resume }
    return { id, number: await this.parts.runs.insert(run) }
  }

  /** @param unread the number of a run without persisted associations */
  #follow(run: Run, unread: number | undefined): void {
    this.parts.metrics?.follow(run)
    const ending = run.ended.then(async () => {
      this.#active.delete(run.mappingName)
      await this.#retention.add(() => this.parts.observer?.ended(run.id))
      if (unread !== undefined) await forgetRows(this.parts, unread)
      await this.#retain()
      this.#ending.delete(ending)
    })
    this.#ending.add(ending)
  }

  #running(id: string): Run | undefined {
    return [...this.#active.values()].find((run) => run?.id === id)
  }

  #shown({ id, isAnalysis, content }: StoredRun): JsonObject {
    return { _id: id, ...shownContent(isAnalysis, this.#running(id)?.toJSON() ?? content) }
  }

  /** Removes the runs that need not be kept any more: when one has ended, and at the start, since plans expire. */
  #retain(): Promise<void> {
    const isClosed = () => this.#closed
    const remove = async (id: string, work: () => Promise<void>) => {
      if (!this.#held.has(id) && !this.#running(id)) await this.#held.hold(id, work)
    }
    return this.#retention.add(() => retain(this.parts, remove, isClosed))
  }
}
