import type { JsonObject } from '../../contract.ts'
import { traced } from '../../core/telemetry/tracing.ts'
import { conflict, toResourceException } from '../../crest/errors.ts'
import type { StoredRun } from '../../repo/runs/run-store.ts'
import { Applying, guardFaults } from '../apply/applying.ts'
import { settleRows } from '../apply/settling.ts'
import type { ApplyingKind } from '../apply/window-applier.ts'
import { runHop } from '../context/awaited-links.ts'
import type { Tally } from '../context/plan-record.ts'
import {
  RunContext,
  type RunContextOptions,
  type RunServices,
  STAGES,
  type Stage,
  stateOf,
} from '../context/run-context.ts'
import { shownQuery } from '../context/run-options.ts'
import { plan } from '../plan/planning.ts'
import { rowWindows } from '../row-windows.ts'
import { SharedRows } from '../share/shared-rows.ts'
import type { Statistics } from '../statistics.ts'
import { type ResumeState, restoredInto, resumeState, settleEarlierRuns } from './resume.ts'
import { incrementalNow, settleIncremental } from './settle-incremental.ts'
import { keepHeapSmall } from './small-heap.ts'

const WINDOW = 500

/** Thrown when a run is canceled. */
class Canceled extends Error {}

/** Thrown when the gateway stops. */
class Interrupted extends Error {}

export interface ApprovedOptions {
  /** Told before the first write what the rows do. */
  readonly onCounted?: (tally: Tally) => Promise<void>
  /** Called when a limit stops the run before its first write. */
  readonly onStopped?: (() => Promise<void>) | undefined
}

type RunParts = RunContextOptions & Pick<RunServices, 'locks' | 'nodes'>

/** One reconciliation: scan, match, plan, apply. */
export class Run {
  readonly id: string
  readonly mappingName: string
  /** Resolves when it has ended; never rejects. */
  readonly ended: Promise<void>
  readonly #services: Pick<RunServices, 'locks' | 'nodes'>
  readonly #context: RunContext
  readonly #abort = new AbortController()
  readonly #begin: number
  readonly #ending = Promise.withResolvers<void>()
  #description: string | undefined
  /** false = the source was empty, and nothing was done about it. */
  #isComplete = true
  /** An error leaves it so that it can go on where it stopped. */
  #isResumable = false
  #endTime: number | undefined

  /** @param begin when it was first started, in milliseconds since 1970 */
  constructor(parts: RunParts, begin = Date.now()) {
    this.#services = parts
    this.#begin = begin
    this.id = parts.id
    this.mappingName = parts.mapping.name
    this.ended = this.#ending.promise
    const notes = parts.locks?.begin(this.mappingName)
    parts.locks?.awaited.begin(runHop(this.mappingName))
    void this.ended.then(() => {
      void notes?.dispose()
      return parts.locks?.awaited.end(runHop(this.mappingName))
    })
    const keep = () => parts.runs.update(parts.number, this.state, this.toJSON())
    this.#context = new RunContext(parts, this.#abort.signal, keep)
  }

  get statistics(): Statistics {
    return this.#context.statistics
  }

  get isAnalysis(): boolean {
    return this.#context.isAnalysis
  }

  get state(): string {
    return stateOf(this.#context.stage)
  }

  /** As `recon/ID` shows it, without `_id`. */
  toJSON(): JsonObject {
    const { statistics, stage, durations, warnings, cleared, verification, clientIds, incremental, parts } =
      this.#context
    const { acceptedBy, startedBy, approval, pilot, waits, plan, undo } = parts.options
    return {
      mapping: this.mappingName,
      state: this.state,
      stage,
      stageDescription: this.#description ?? STAGES[stage],
      progress: statistics.progress,
      situationSummary: statistics.situationSummary,
      statusSummary: statistics.statusSummary,
      // IDM does not have the following members: they are present only when they have content.
      ...(statistics.hasFieldNotes ? { fieldSummary: statistics.fieldSummary } : {}),
      ...(acceptedBy === undefined ? {} : { acceptedUnassessed: { by: acceptedBy } }),
      ...(this.isAnalysis && cleared.unsupplied.length > 0 ? { unsupplied: cleared.unsupplied } : {}),
      ...(startedBy ? { startedBy: startedBy.name } : {}),
      ...(approval ? { approval: { ...approval } } : {}),
      ...(pilot ? { pilot: { ...pilot } } : {}),
      ...(waits ? { waitsForApproval: true } : {}),
      ...(verification ? { verification: verification.toJSON(statistics) } : {}),
      ...(undo ? { undoes: undo.run } : {}),
      ...(incremental ? { incremental: incremental.toJSON() } : {}),
      ...(!this.isAnalysis && this.#context.mapping.keepBefore ? { keepsBefore: true } : {}),
      ...(plan ? { plan: plan as unknown as JsonObject } : {}),
      ...(stage === 'INTERRUPTED' ? { resumable: true } : {}),
      ...(clientIds.toJSON() ? { clientIds: clientIds.toJSON() } : {}),
      ...(warnings.length > 0 ? { warnings: [...warnings] } : {}),
      durationSummary: durations.toJSON(),
      parameters: this.#parameters,
      started: new Date(this.#begin).toISOString(),
      ended: this.#endTime === undefined ? '' : new Date(this.#endTime).toISOString(),
      duration: (this.#endTime ?? Date.now()) - this.#begin,
      sourceProcessedByNode: statistics.sourcesByNode,
    }
  }

  /** Stops the run after the objects that are being processed; what was done remains. */
  cancel(): void {
    if (this.state !== 'ACTIVE') return
    this.#context.stage = 'ACTIVE_CANCELING'
    this.#abort.abort(new Canceled())
  }

  /** Stops the run in the same way, so that it can be resumed. */
  interrupt(): void {
    if (this.state === 'ACTIVE' && !this.#abort.signal.aborted) this.#abort.abort(new Interrupted())
  }

  /** Ends a run that cannot start. @param isResumed whether it was interrupted before: it stays so */
  async fail(error: unknown, isResumed: boolean): Promise<void> {
    this.#isResumable ||= isResumed
    this.#fail(error)
    await this.#finish(this.#endOf(undefined))
    this.#ending.resolve()
  }

  /** Starts the run from the scan to the end. */
  start(): void {
    void this.#run(async () => {
      await settleEarlierRuns(this.#context)
      this.#isComplete = await plan(this.#context)
      if (!this.#isComplete) return
      if (!this.isAnalysis) await this.#apply('planned')
      else if (!this.#context.verification)
        for (const fault of await guardFaults(this.#context)) this.#context.warn(`${fault}: the run would be stopped`)
    })
  }

  /** Carries out the stored rows of an approved plan. What has changed since is skipped. */
  startApproved({ onCounted, onStopped }: ApprovedOptions = {}): void {
    void this.#run(async () => {
      await settleEarlierRuns(this.#context)
      await this.#countPlan()
      const { rows, cleared } = this.#context
      const [fault] = onStopped ? await guardFaults(this.#context) : []
      if (fault !== undefined) {
        await onStopped?.()
        throw conflict(`${fault}. Nothing was written.`)
      }
      await onCounted?.({ deletes: await rows.countWaiting('DELETE'), cleared: cleared.counts })
      await this.#apply('approved')
    })
  }

  /** Carries out the rows that are left of this run, which was interrupted while it carried them out. */
  resume(stored: StoredRun, { isApproved }: ResumeState): void {
    void this.#run(async () => {
      const { rows, statistics, parts } = this.#context
      this.#isResumable = true
      await settleEarlierRuns(this.#context)
      await settleRows(this.#context, rows)
      await restoredInto(statistics, parts.runs, stored)
      statistics.restoreNodes(stored.content.sourceProcessedByNode)
      await this.#apply(isApproved ? 'approved' : 'resumed')
    })
  }

  /** From here on an interrupted run goes on where it stopped. */
  #apply(kind: ApplyingKind): Promise<void> {
    const { parts, statistics, mapping } = this.#context
    const options = { ...parts.options, ...incrementalNow(this.#context) }
    const state = resumeState(options, mapping, kind === 'approved')
    const begin = async () => {
      await parts.runs.keep(parts.number, { ...state, totals: { ...statistics.totals } })
      this.#isResumable = true
    }
    const { locks, nodes } = this.#services
    const shared = new SharedRows({ context: this.#context, kind, nodes, locks })
    return new Applying(this.#context, kind, (waiting) => shared.carryOut(waiting)).apply(begin)
  }

  /** Counts the rows of a plan that another run made. */
  async #countPlan(): Promise<void> {
    const { statistics, rows, cleared } = this.#context
    statistics.sources = 0
    statistics.targets = 0
    for await (const window of rowWindows((after) => rows.after(after, WINDOW))) {
      statistics.sources += window.filter(({ phase }) => phase === 'source').length
      statistics.targets += window.filter(({ targetId }) => targetId !== null).length
      for (const row of window) {
        statistics.planned(row, false)
        cleared.count(row)
      }
    }
  }

  async #run(work: () => Promise<void>): Promise<void> {
    const context = this.#context
    const release = keepHeapSmall()
    let end: Stage = 'COMPLETED_SUCCESS'
    try {
      await context.sentValues.load()
      await context.hooks.begin(this.isAnalysis ? context.newRecorder() : undefined)
      const { id, mappingName, isAnalysis } = this
      const attributes = {
        'openidm.mapping': mappingName,
        'openidm.recon.id': id,
        'openidm.recon.analysis': isAnalysis,
      }
      await traced('reconciliation', attributes, work)
      context.enter('ACTIVE_LINK_CLEANUP')
      context.enter('ACTIVE_PROCESSING_RESULTS')
      if (!this.isAnalysis) await context.hooks.end(this.#reconState())
      if (this.#isComplete) await settleIncremental(context)
    } catch (error) {
      end = this.#endOf(this.#abort.signal.reason)
      if (!this.#abort.signal.aborted) this.#fail(error)
    }
    await this.#finish(end)
    release()
    this.#ending.resolve()
  }

  #endOf(reason: unknown): Stage {
    if (reason instanceof Canceled) return 'COMPLETED_CANCELED'
    return reason instanceof Interrupted || this.#isResumable ? 'INTERRUPTED' : 'COMPLETED_FAILED'
  }

  #fail(error: unknown): void {
    const failure = toResourceException(error)
    const err = failure.code >= 500 ? (failure.cause ?? failure) : undefined
    this.#description = `${STAGES[this.#isResumable ? 'INTERRUPTED' : 'COMPLETED_FAILED']} ${failure.message}`
    this.#context.parts.log.error(
      { reconId: this.id, mapping: this.mappingName, err },
      `reconciliation of ${this.mappingName} failed: ${failure.message}`,
    )
  }

  async #finish(end: Stage): Promise<void> {
    const { runs, number, log } = this.#context.parts
    this.#context.stage = end
    this.#endTime = Date.now()
    try {
      await runs.update(number, this.state, this.toJSON())
      await runs.clear(number)
    } catch (error) {
      log.error({ err: error, reconId: this.id }, `the end of the reconciliation of ${this.mappingName} was not kept`)
    }
  }

  get #parameters(): JsonObject {
    const { parts, mapping } = this.#context
    const { action, ids } = parts.options
    return {
      sourceQuery: shownQuery(mapping, 'source'),
      targetQuery: shownQuery(mapping, 'target'),
      ...(action === 'reconById' ? { sourceIds: [...ids] } : {}),
    }
  }

  #reconState(): JsonObject {
    const { statistics } = this
    return {
      reconId: this.id,
      startTime: new Date(this.#begin).toISOString(),
      endTime: new Date().toISOString(),
      duration: Date.now() - this.#begin,
      source: { ...statistics.situationDetails, processed: statistics.sourcesProcessed },
      target: { ...statistics.situationDetails, processed: statistics.targetsProcessed },
    }
  }
}
