import { setImmediate as turn } from 'node:timers/promises'
import type { JsonObject, Logger } from '../../contract.ts'
import type { Connection } from '../../crest/protocol/connection.ts'
import { WriteRecorder } from '../../crest/protocol/recorder.ts'
import type { LinkStore } from '../../repo/link-store.ts'
import type { RunRows } from '../../repo/run-rows.ts'
import type { RunSnapshot } from '../../repo/run-snapshot.ts'
import type { RunStore } from '../../repo/run-store.ts'
import type { SentValueStore } from '../../repo/sent-value-store.ts'
import { correlates } from '../evaluate/correlation.ts'
import type { EvaluationParts } from '../evaluate/evaluation.ts'
import { Hooks } from '../evaluate/hooks.ts'
import { LinkSpace } from '../evaluate/link-space.ts'
import { Mapper } from '../evaluate/mapper.ts'
import { Unassessed } from '../evaluate/protection.ts'
import { SentValues } from '../evaluate/sent-values.ts'
import type { Targets } from '../evaluate/targets.ts'
import type { Mapping } from '../mapping/mapping.ts'
import type { Scripts } from '../mapping/scripts.ts'
import { Durations } from '../read/durations.ts'
import { ObjectSet } from '../read/object-set.ts'
import { Pace } from '../read/pace.ts'
import { type SelectedFields, selectedFields } from '../read/selected-fields.ts'
import { Statistics } from '../statistics.ts'
import type { Replay } from './recorded-writes.ts'
import { ClearedFields } from './run-guards.ts'
import { overridden, type RunOptions } from './run-options.ts'
import type { Stage } from './run-state.ts'

export interface RunParts {
  readonly id: string
  readonly number: number
  readonly mapping: Mapping
  /** The mapping as it is configured, for scripts. */
  readonly config: JsonObject
  /** For links that mappings share. */
  readonly mappings: readonly Mapping[]
  readonly options: RunOptions
  readonly connection: Connection
  readonly dryConnection: Connection
  readonly replay: Replay
  readonly runs: RunStore
  readonly links: LinkStore
  readonly sentValues: SentValueStore
  readonly snapshot: RunSnapshot
  readonly scripts: Scripts
  readonly log: Logger
}

/** How often at most what is shown of a run is kept for the case of a crash. */
const PERSIST_MS = 2000

/** Warnings that a run keeps. */
const MAX_WARNINGS = 50

/** What the phases of one run share. */
export class RunContext {
  readonly parts: RunParts
  readonly mapping: Mapping
  readonly links: LinkSpace
  readonly snapshot: RunSnapshot
  readonly rows: RunRows
  readonly sources: ObjectSet
  readonly targets: ObjectSet
  readonly targetFields: SelectedFields
  readonly mapper: Mapper
  readonly hooks: Hooks
  readonly sentValues: SentValues
  readonly statistics = new Statistics()
  readonly durations = new Durations()
  readonly signal: AbortSignal
  readonly unassessed = new Unassessed()
  /** Ids that the source query listed and that cannot be read. */
  readonly unreadable: string[] = []
  readonly cleared: ClearedFields
  /** Sentences that are shown with the run. */
  readonly warnings: string[] = []
  stage: Stage = 'ACTIVE_INITIALIZED'
  readonly #keep: () => Promise<void>
  #persisted = 0

  /**
   * @param signal aborts when the run is canceled
   * @param keep writes down what is shown of the run
   */
  constructor(
    parts: RunParts,
    signal: AbortSignal = new AbortController().signal,
    keep = async (): Promise<void> => {},
  ) {
    this.parts = parts
    this.signal = signal
    this.#keep = keep
    this.mapping = overridden(parts.mapping, parts.options)
    this.links = new LinkSpace(this.mapping, parts.mappings, parts.links)
    this.snapshot = parts.snapshot
    this.rows = parts.runs.rows(parts.number)
    const common = {
      connection: parts.options.isAnalysis ? parts.dryConnection : parts.connection,
      pace: new Pace(signal),
      durations: this.durations,
      mayBeEmpty: this.mapping.allowEmptySourceSet,
    }
    const { mapping, links, statistics } = this
    this.targetFields = selectedFields(mapping, 'target')
    this.sources = new ObjectSet({ ...common, path: mapping.source, fields: selectedFields(mapping, 'source') })
    this.targets = new ObjectSet({ ...common, path: mapping.target, fields: this.targetFields })
    this.cleared = new ClearedFields(mapping)
    this.mapper = new Mapper(mapping, parts.scripts)
    this.sentValues = new SentValues({ store: parts.sentValues, mapping, mapper: this.mapper, links, statistics })
    this.hooks = new Hooks(this.mapping, parts.config, parts.scripts, parts.id)
  }

  get isAnalysis(): boolean {
    return this.parts.options.isAnalysis
  }

  get runsTargetPhase(): boolean {
    return this.mapping.runTargetPhase ?? this.parts.options.action === 'recon'
  }

  readonly newRecorder = (): WriteRecorder => new WriteRecorder(new Set(this.mapping.analysisActions))

  /**
   * @param mayCorrelate false when there was no target at the start
   * @param isAnalysis see EvaluationParts
   */
  evaluationParts(targets: Targets, mayCorrelate: boolean, isAnalysis = this.isAnalysis): EvaluationParts {
    const isCorrelated = mayCorrelate && correlates(this.mapping)
    return {
      mapping: this.mapping,
      mapper: this.mapper,
      links: this.links,
      scripts: this.parts.scripts,
      hooks: this.hooks,
      sources: this.sources,
      targets,
      sentValues: this.sentValues,
      rows: this.rows,
      reconId: this.parts.id,
      isAnalysis,
      newRecorder: isAnalysis ? this.newRecorder : undefined,
      correlates: isCorrelated,
      plansCreations: isCorrelated && targets.isComplete,
    }
  }

  readonly warn = (warning: string): void => {
    if (this.warnings.length < MAX_WARNINGS) this.warnings.push(warning)
  }

  /** @throws what cancelled the run */
  checkCanceled(): void {
    this.signal.throwIfAborted()
  }

  enter(stage: Stage): void {
    if (!this.signal.aborted) this.stage = stage
  }

  /** Keeps what is shown of the run, and lets others have their turn. */
  async persist(now = false): Promise<void> {
    if (!now && performance.now() - this.#persisted < PERSIST_MS) return
    this.#persisted = performance.now()
    await this.#keep()
    await turn()
  }
}
