import { setImmediate as nextTurn } from 'node:timers/promises'
import type { JsonObject, Logger } from '../../contract.ts'
import type { Connection } from '../../crest/protocol/connection.ts'
import { WriteRecorder } from '../../crest/protocol/recorder.ts'
import type { IncrementalStore } from '../../repo/incremental/incremental-store.ts'
import type { AgreementStore } from '../../repo/links/agreement-store.ts'
import type { LinkStore } from '../../repo/links/link-store.ts'
import type { EventStore } from '../../repo/queue/event-store.ts'
import type { Intent } from '../../repo/runs/run-row.ts'
import type { RunRows } from '../../repo/runs/run-rows.ts'
import type { RunSnapshot } from '../../repo/runs/run-snapshot.ts'
import type { RunStore } from '../../repo/runs/run-store.ts'
import type { SentValueStore } from '../../repo/runs/sent-value-store.ts'
import { Agreements } from '../evaluate/agreements.ts'
import { correlates } from '../evaluate/correlation.ts'
import type { EvaluationOptions } from '../evaluate/evaluation.ts'
import { Hooks } from '../evaluate/hooks.ts'
import { LinkSpace } from '../evaluate/link-space.ts'
import { Mapper } from '../evaluate/mapper.ts'
import { Unassessed } from '../evaluate/protection.ts'
import { SentValues } from '../evaluate/sent-values.ts'
import { Targets } from '../evaluate/targets.ts'
import type { Mapping } from '../mapping/mapping.ts'
import type { Scripts } from '../mapping/scripts.ts'
import { SharedBackoff } from '../read/backoff.ts'
import { Durations } from '../read/durations.ts'
import { ObjectSet } from '../read/object-set.ts'
import { selectedFields } from '../read/selected-fields.ts'
import { SourceClock } from '../read/source-clock.ts'
import { EdgeReview } from '../relationships/edge-review.ts'
import { Statistics } from '../statistics.ts'
import { ClientIds } from './client-ids.ts'
import type { DeletionBrake } from './deletion-brake.ts'
import { IncrementalNotes } from './incremental-notes.ts'
import type { Replay } from './recorded-writes.ts'
import { ClearedFields } from './run-guards.ts'
import type { RunNodes } from './run-nodes.ts'
import { overridden, type RunOptions } from './run-options.ts'
import type { RowLocks, SourceLocks } from './source-locks.ts'
import { Unsettled } from './unsettled.ts'
import { Verification } from './verification.ts'

/** What all runs of a gateway share. */
export interface RunServices {
  readonly connection: Connection
  /** For the reads of an analysis: scripts that they trigger write nothing. */
  readonly dryConnection: Connection
  /** One of the two for the reads of sources. @param onDate told the time at a remote with each of its answers */
  readonly timed: (isDry: boolean, onDate: (time: number) => void) => Connection
  /** Executes the writes that scripts requested while they were recorded. */
  readonly replay: Replay
  readonly runs: RunStore
  readonly links: LinkStore
  readonly sentValues: SentValueStore
  readonly incremental: IncrementalStore
  readonly agreements: AgreementStore
  /** What implicit synchronization has left. */
  readonly events: Pick<EventStore, 'intentsOf'>
  readonly scripts: Scripts
  /** Limits the deletions of implicit synchronization. */
  readonly brake?: Pick<DeletionBrake, 'admit'> | undefined
  /** Keeps implicit synchronization and rows of runs apart. */
  readonly locks?: SourceLocks | undefined
  /** The processes that share the work of runs; absent: this one carries out all. */
  readonly nodes?: RunNodes | undefined
  readonly log: Logger
}

export interface RunContextOptions extends Omit<RunServices, 'locks'> {
  readonly locks?: RowLocks | undefined
  readonly id: string
  readonly number: number
  readonly mapping: Mapping
  /** The mapping as it is configured, for scripts. */
  readonly config: JsonObject
  /** All mappings, since mappings may share links. */
  readonly mappings: readonly Mapping[]
  readonly options: RunOptions
  readonly snapshot: RunSnapshot
  /** Of a process that carries out rows for the one of the run. */
  readonly ticket?: number | undefined
  /** Of implicit synchronization, which carries one change over. */
  readonly live?: LiveChange | undefined
}

/**
 * Keeps what a change is about to create or, with the kind `write`, to delete, so that it can be carried out again.
 */
export interface ChangeIntents {
  /** Of all changes of the object that have not ended, or were given up, in their order: they may have been carried out. */
  known(qualifier: string): Promise<readonly Intent[]>
  /** Resolves when it is on the disk. @param intent undefined = nothing is left in doubt */
  note(qualifier: string, intent: Intent | undefined): Promise<void>
}

export interface LiveChange {
  /** Of a change that is stored until it has ended. */
  readonly intents?: ChangeIntents | undefined
  /** What is known of the target by earlier changes. */
  readonly clientIds?: ClientIds | undefined
  /** The source before the change, with `_id` and `_rev`; null = there was none, or it is not known. */
  readonly oldSource: JsonObject | null
  /** Whether the deletion of the source was reported: then its collection may be empty now. */
  readonly isDeleted: boolean
}

/** Min time between two saves of the run's progress. */
const MIN_PERSIST_INTERVAL_MS = 2000
const MAX_WARNINGS = 50

/** What the phases of one run share. */
export class RunContext {
  readonly parts: RunContextOptions
  readonly mapping: Mapping
  readonly links: LinkSpace
  readonly snapshot: RunSnapshot
  readonly rows: RunRows
  readonly sources: ObjectSet
  readonly targets: ObjectSet
  readonly mapper: Mapper
  readonly hooks: Hooks
  readonly sentValues: SentValues
  readonly agreements: Agreements
  readonly relationships: EdgeReview
  readonly statistics = new Statistics()
  readonly durations = new Durations()
  readonly signal: AbortSignal
  readonly unassessed = new Unassessed()
  /** Ids that the source query listed and that cannot be read. */
  readonly unreadable: string[] = []
  readonly cleared: ClearedFields
  readonly clientIds: ClientIds
  /** Creations of earlier runs, and of changes. */
  unsettled = new Unsettled()
  /** Of a run that only compares. */
  readonly verification: Verification | undefined
  readonly incremental: IncrementalNotes | undefined
  /** Shown with the run. */
  readonly warnings: string[] = []
  stage: Stage = 'ACTIVE_INITIALIZED'
  readonly #save: () => Promise<void>
  #savedAt = 0

  /**
   * @param signal aborts when the run is canceled
   * @param save stores the progress of the run
   */
  constructor(
    parts: RunContextOptions,
    signal: AbortSignal = new AbortController().signal,
    save = async (): Promise<void> => {},
  ) {
    this.parts = parts
    this.clientIds = parts.live?.clientIds ?? new ClientIds()
    this.signal = signal
    this.#save = save
    const { options, scripts } = parts
    const mapping = overridden(parts.mapping, options)
    this.mapping = mapping
    this.links = new LinkSpace(mapping, parts.mappings, parts.links)
    this.snapshot = parts.snapshot
    this.rows = parts.runs.rows(parts.number, parts.ticket)
    const common = {
      connection: options.isAnalysis ? parts.dryConnection : parts.connection,
      // A change is tried again by its queue, and a caller who waits is told at once.
      backoff: new SharedBackoff(signal, parts.live ? 1 : undefined),
      durations: this.durations,
      mayBeEmpty: mapping.allowEmptySourceSet,
    }
    const clock = new SourceClock([mapping.source, mapping.sourceQuery?.resourceName ?? mapping.source])
    const { changedField } = mapping.incremental ?? {}
    this.incremental =
      changedField && options.incremental && new IncrementalNotes(options.incremental, changedField, clock)
    this.sources = new ObjectSet({
      ...common,
      ...(this.incremental && { connection: parts.timed(options.isAnalysis, clock.onDate) }),
      mayBeEmpty: parts.live?.isDeleted || common.mayBeEmpty,
      path: mapping.source,
      fields: selectedFields(mapping, 'source'),
    })
    this.targets = new ObjectSet({ ...common, path: mapping.target, fields: selectedFields(mapping, 'target') })
    this.cleared = new ClearedFields(mapping)
    this.verification = options.verifies ? new Verification() : undefined
    this.mapper = new Mapper(mapping, scripts, this.oldSource)
    const { links, mapper, statistics, sources, targets } = this
    this.relationships = new EdgeReview({ mapping, sources, targets, mappings: parts.mappings, links: parts.links })
    this.sentValues = new SentValues({ store: parts.sentValues, mapping, mapper, links, statistics })
    this.agreements = new Agreements({
      ...{ store: parts.agreements, digestKey: () => parts.sentValues.digestKey() },
      ...{ mapping, mappings: parts.mappings, links, scripts, decided: options.overrides.conflict, log: parts.log },
      // A verification names every difference.
      isEnabled: !options.verifies,
    })
    this.hooks = new Hooks(mapping, parts.config, scripts, parts.id, this.oldSource)
  }

  get oldSource(): JsonObject | null {
    return this.parts.live?.oldSource ?? null
  }

  /**
   * Called before a target is deleted. @returns what is called when that has failed
   * @throws conflict when implicit synchronization has deleted too many
   */
  async admitDeletion(): Promise<() => Promise<void>> {
    const { brake, live } = this.parts
    return live && brake ? brake.admit(this.mapping) : async () => undefined
  }

  /** Whether implicit synchronization may have carried a source over since it was evaluated. */
  isTouched(sourceId: string): boolean {
    return this.parts.locks?.isTouched(this.mapping.name, this.links.sourceKey(sourceId)) ?? false
  }

  get isAnalysis(): boolean {
    return this.parts.options.isAnalysis
  }

  get runsTargetPhase(): boolean {
    const { action, pilot } = this.parts.options
    // Among some of the sources nothing proves that a target has none.
    return pilot === undefined && (this.mapping.runTargetPhase ?? action === 'recon')
  }

  readonly newRecorder = (): WriteRecorder => new WriteRecorder(new Set(this.mapping.analysisActions))

  /** Targets without the snapshot of the run. */
  liveTargets(): Targets {
    return new Targets({ set: this.targets, links: this.links })
  }

  /**
   * @param mayCorrelate false when the target is known to be empty
   * @param isAnalysis see EvaluationOptions
   */
  evaluationParts(targets: Targets, mayCorrelate = true, isAnalysis = this.isAnalysis): EvaluationOptions {
    const { mapping, mapper, links, hooks, sources, sentValues, agreements, relationships, rows, parts } = this
    const isCorrelated = mayCorrelate && correlates(mapping)
    return {
      ...{ mapping, mapper, links, hooks, sources, sentValues, agreements, relationships, rows, targets, isAnalysis },
      scripts: parts.scripts,
      reconId: parts.id,
      oldSource: this.oldSource,
      newRecorder: isAnalysis ? this.newRecorder : undefined,
      correlates: isCorrelated,
      plansCreations: isCorrelated && targets.isComplete,
    }
  }

  readonly warn = (warning: string): void => {
    if (this.warnings.length < MAX_WARNINGS) this.warnings.push(warning)
  }

  /** @throws the reason when the run is canceled */
  checkCanceled(): void {
    this.signal.throwIfAborted()
  }

  enter(stage: Stage): void {
    if (!this.signal.aborted) this.stage = stage
  }

  /** Saves the progress of the run unless that was done lately, and yields to other work. */
  async persist(now = false): Promise<void> {
    if (!now && performance.now() - this.#savedAt < MIN_PERSIST_INTERVAL_MS) return
    this.#savedAt = performance.now()
    await this.#save()
    await nextTurn()
  }
}

/** The stages of a run with their descriptions. */
export const STAGES = {
  ACTIVE_INITIALIZED: 'initialized',
  ACTIVE_QUERY_ENTRIES: 'querying source and target entries',
  ACTIVE_RECONCILING_SOURCE: 'reconciling source entries',
  ACTIVE_RECONCILING_TARGET: 'reconciling target entries',
  ACTIVE_LINK_CLEANUP: 'cleaning up links',
  ACTIVE_PROCESSING_RESULTS: 'processing results',
  ACTIVE_CANCELING: 'canceling',
  COMPLETED_SUCCESS: 'reconciliation completed.',
  COMPLETED_CANCELED: 'reconciliation aborted.',
  COMPLETED_FAILED: 'reconciliation failed.',
  INTERRUPTED: 'reconciliation interrupted. It goes on with recon/ID?_action=resume.',
} as const

export type Stage = keyof typeof STAGES
export type State = 'ACTIVE' | 'SUCCESS' | 'CANCELED' | 'FAILED'

const END_STATES: Readonly<Partial<Record<Stage, State>>> = {
  COMPLETED_SUCCESS: 'SUCCESS',
  COMPLETED_CANCELED: 'CANCELED',
  COMPLETED_FAILED: 'FAILED',
  INTERRUPTED: 'FAILED',
}

export const stateOf = (stage: Stage): State => END_STATES[stage] ?? 'ACTIVE'
