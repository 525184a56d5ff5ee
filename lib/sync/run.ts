import { setImmediate as turn } from 'node:timers/promises'
import type { JsonObject, Logger } from '../contract.ts'
import type { Connection } from '../crest/connection.ts'
import { conflict, toResourceException } from '../crest/errors.ts'
import { withoutIdentity } from '../crest/represent.ts'
import type { LinkStore } from '../repo/link-store.ts'
import type { NewRow, RunRows } from '../repo/run-rows.ts'
import type { RunSnapshot, SeenObject } from '../repo/run-snapshot.ts'
import type { RunStore } from '../repo/run-store.ts'
import { ahead, pieces } from './ahead.ts'
import { Committer } from './committer.ts'
import { correlatedFields, correlates } from './correlation.ts'
import { Durations } from './durations.ts'
import { isFullEntry, isUnrestricted } from './full-entry.ts'
import { Hooks } from './hooks.ts'
import { LinkSpace } from './link-space.ts'
import type { Mapping } from './mapping.ts'
import { allowedDeletes, DEFAULT_MAX_DELETES } from './max-deletes.ts'
import { idOf, ObjectSet, revisionOf } from './object-set.ts'
import { Pace } from './pace.ts'
import { Performer } from './performer.ts'
import { workIn } from './plan-row.ts'
import { overridden, type RunOptions, shownQuery } from './run-options.ts'
import { STAGES, type Stage, stateOf } from './run-state.ts'
import type { Scripts } from './scripts.ts'
import { isSituation } from './situation.ts'
import { type PlanParts, SourcePlanner } from './source-planner.ts'
import { Statistics } from './statistics.ts'
import { TargetPlanner } from './target-planner.ts'
import { Targets } from './targets.ts'

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
  readonly runs: RunStore
  readonly linkStore: LinkStore
  readonly snapshot: RunSnapshot
  readonly scripts: Scripts
  readonly log: Logger
}

const PIECE = 1000
const WINDOW = 500
/** How often at most what is shown of a run is kept for the case of a crash. */
const PERSIST_MS = 2000

/** The run ends as it was told to. */
class Canceled extends Error {}

/** One reconciliation: scan, match, plan, apply. */
export class Run {
  readonly id: string
  readonly mappingName: string
  readonly statistics = new Statistics()
  /** Resolves when it has ended; never rejects. */
  readonly ended: Promise<void>
  readonly #parts: RunParts
  readonly #mapping: Mapping
  readonly #durations = new Durations()
  readonly #abort = new AbortController()
  readonly #links: LinkSpace
  readonly #snapshot: RunSnapshot
  readonly #rows: RunRows
  readonly #sources: ObjectSet
  readonly #targetSet: ObjectSet
  readonly #hooks: Hooks
  readonly #begin = Date.now()
  readonly #ending = Promise.withResolvers<void>()
  readonly #unsettled = new Set<Promise<void>>()
  #stage: Stage = 'ACTIVE_INITIALIZED'
  #description: string | undefined
  #endTime: number | undefined
  #persisted = 0

  constructor(parts: RunParts) {
    this.#parts = parts
    this.id = parts.id
    this.mappingName = parts.mapping.name
    this.ended = this.#ending.promise
    this.#mapping = overridden(parts.mapping, parts.options.overrides)
    this.#links = new LinkSpace(this.#mapping, parts.mappings, parts.linkStore)
    this.#snapshot = parts.snapshot
    this.#rows = parts.runs.rows(parts.number)
    const common = { connection: parts.connection, pace: new Pace(this.#abort.signal), durations: this.#durations }
    const { source, target, defaultSourceFields, defaultTargetFields } = this.#mapping
    this.#sources = new ObjectSet({ ...common, path: source, fields: defaultSourceFields })
    this.#targetSet = new ObjectSet({ ...common, path: target, fields: defaultTargetFields })
    this.#hooks = new Hooks(this.#mapping, parts.config, parts.scripts, parts.id)
  }

  get isAnalysis(): boolean {
    return this.#parts.options.isAnalysis
  }

  get state(): string {
    return stateOf(this.#stage)
  }

  /** As `recon/ID` shows it, `_id` apart. */
  toJSON(): JsonObject {
    const { statistics } = this
    return {
      mapping: this.mappingName,
      state: this.state,
      stage: this.#stage,
      stageDescription: this.#description ?? STAGES[this.#stage],
      progress: statistics.progress,
      situationSummary: statistics.situationSummary,
      statusSummary: statistics.statusSummary,
      durationSummary: this.#durations.toJSON(),
      parameters: this.#parameters,
      started: new Date(this.#begin).toISOString(),
      ended: this.#endTime === undefined ? '' : new Date(this.#endTime).toISOString(),
      duration: (this.#endTime ?? Date.now()) - this.#begin,
      sourceProcessedByNode: {},
    }
  }

  /** Has it stop within one object for each worker; what was done stays. */
  cancel(): void {
    if (this.state !== 'ACTIVE') return
    this.#stage = 'ACTIVE_CANCELING'
    this.#abort.abort(new Canceled())
  }

  /** Runs from the scan to the end; `ended` tells. */
  start(): void {
    void this.#run(async () => {
      await this.#hooks.begin()
      const goesOn = await this.#plan()
      if (goesOn && !this.isAnalysis) await this.#apply(true)
    })
  }

  /** Carries out the rows that are there: a plan that somebody has read. What has changed since is left alone. */
  startApproved(): void {
    void this.#run(async () => {
      await this.#hooks.begin()
      await this.#recount()
      await this.#apply(false)
    })
  }

  async #run(work: () => Promise<void>): Promise<void> {
    let end: Stage = 'COMPLETED_SUCCESS'
    try {
      await work()
      this.#enter('ACTIVE_LINK_CLEANUP')
      this.#enter('ACTIVE_PROCESSING_RESULTS')
      await this.#hooks.end(this.#reconState())
    } catch (error) {
      end = this.#abort.signal.aborted ? 'COMPLETED_CANCELED' : 'COMPLETED_FAILED'
      if (end === 'COMPLETED_FAILED') this.#fail(error)
    }
    await this.#finish(end)
  }

  #fail(error: unknown): void {
    const failure = toResourceException(error)
    this.#description = `${STAGES.COMPLETED_FAILED} ${failure.message}`
    this.#parts.log.error(
      {
        reconId: this.id,
        mapping: this.mappingName,
        err: failure.code >= 500 ? (failure.cause ?? failure) : undefined,
      },
      `reconciliation of ${this.mappingName} failed: ${failure.message}`,
    )
  }

  async #finish(end: Stage): Promise<void> {
    const { runs, number, log } = this.#parts
    this.#stage = end
    this.#endTime = Date.now()
    try {
      await runs.update(number, this.state, this.toJSON())
      await runs.clear(number)
    } catch (error) {
      log.error({ err: error, reconId: this.id }, `the end of the reconciliation of ${this.mappingName} was not kept`)
    }
    this.#ending.resolve()
  }

  /** @returns whether there is something to go on with */
  async #plan(): Promise<boolean> {
    this.#enter('ACTIVE_QUERY_ENTRIES')
    const pages = ahead(this.#sourcePages())
    const first = await pages.next()
    if (isEmpty(first) && !this.#mapping.allowEmptySourceSet) {
      this.statistics.sources = 0
      const { log } = this.#parts
      log.warn(
        { reconId: this.id },
        `reconciliation of ${this.mappingName}: the source is empty; nothing is done (allowEmptySourceSet)`,
      )
      return false
    }
    const parts = await this.#scanTargets()
    await this.#persist(true)
    await this.#planSources(first, pages, parts)
    if (this.#runsTargetPhase) await this.#planTargets(parts)
    return true
  }

  get #runsTargetPhase(): boolean {
    return this.#mapping.runTargetPhase ?? this.#parts.options.action === 'recon'
  }

  async *#sourcePages(): AsyncGenerator<JsonObject[], void> {
    const { action, ids } = this.#parts.options
    const { sourceQuery, reconSourceQueryPageSize: size, sourceQueryFullEntry } = this.#mapping
    if (action === 'reconById') {
      yield [...(await this.#sources.byIds(ids, 'sourceQuery')).values()]
      return
    }
    for await (const page of this.#sources.pages(sourceQuery, size, 'sourceQuery')) {
      yield await this.#wholeSources(page, (entry) => isFullEntry(entry, sourceQuery, sourceQueryFullEntry))
    }
  }

  /** Reads what a page did not hold; what has gone since the page was made is no source any more. */
  async #wholeSources(page: JsonObject[], isFull: (entry: JsonObject) => boolean): Promise<JsonObject[]> {
    const partial = page.filter((entry) => !isFull(entry)).map(idOf)
    if (partial.length === 0) return page
    const whole = await this.#sources.byIds(partial, 'sourceObjectQuery')
    return page.flatMap((entry): JsonObject[] => {
      if (isFull(entry)) return [entry]
      const object = whole.get(idOf(entry))
      return object ? [object] : []
    })
  }

  async #scanTargets(): Promise<PlanParts> {
    const { targetQuery, targetQueryFullEntry, reconTargetQueryPageSize: size } = this.#mapping
    const scans = this.#runsTargetPhase
    let isFull = true
    if (scans) {
      await this.#snapshot.index(correlatedFields(this.#mapping))
      this.statistics.targets = 0
      for await (const page of ahead(this.#targetSet.pages(targetQuery, size, 'targetQuery'))) {
        this.#checkCanceled()
        const seen = page.map((entry) => this.#seen(entry, isFullEntry(entry, targetQuery, targetQueryFullEntry)))
        isFull &&= seen.every((object) => object.isFull)
        for (const piece of pieces(seen, PIECE)) this.statistics.targets += await this.#snapshot.add(piece)
      }
    }
    this.statistics.links = await this.#durations.measure('linkQuery', () => this.#links.count())
    const isComplete = scans && isFull && isUnrestricted(targetQuery) && !this.#mapping.defaultTargetFields
    const isEmptyTarget = scans && this.statistics.targets === 0 && isUnrestricted(targetQuery)
    return this.#planParts(
      new Targets({
        set: this.#targetSet,
        links: this.#links,
        snapshot: this.#snapshot,
        isComplete,
        isProjected: this.#mapping.defaultTargetFields !== undefined,
      }),
      !isEmptyTarget || this.#mapping.correlateEmptyTargetSet,
    )
  }

  #planParts(targets: Targets, correlates: boolean): PlanParts {
    return {
      mapping: this.#mapping,
      links: this.#links,
      scripts: this.#parts.scripts,
      targets,
      rows: this.#rows,
      reconId: this.id,
      isAnalysis: this.isAnalysis,
      correlates,
    }
  }

  #seen(entry: JsonObject, isFull: boolean): SeenObject {
    const id = idOf(entry)
    const key = this.#links.targetKey(id)
    return { key, id, revision: revisionOf(entry), isFull, isPlanned: false, content: withoutIdentity(entry) }
  }

  async #planSources(
    first: IteratorResult<JsonObject[], void>,
    rest: AsyncGenerator<JsonObject[], void>,
    parts: PlanParts,
  ): Promise<void> {
    this.#enter('ACTIVE_RECONCILING_SOURCE')
    const planner = new SourcePlanner(parts)
    this.statistics.sources = 0
    const begin = performance.now()
    for (let next = first; !next.done; next = await rest.next()) {
      for (const piece of pieces(next.value, PIECE)) {
        this.#checkCanceled()
        const fresh = await this.#unseen(piece)
        this.statistics.sources += fresh.length
        await this.#add(await planner.plan(fresh))
      }
      await this.#persist()
    }
    this.#durations.note('sourcePhase', performance.now() - begin)
  }

  /** A page of a living remote may repeat what one before had. */
  async #unseen(sources: readonly JsonObject[]): Promise<JsonObject[]> {
    const byKey = new Map(sources.map((source) => [this.#links.sourceKey(idOf(source)), source] as const))
    const fresh = await this.#snapshot.see([...byKey.keys()])
    return [...byKey].filter(([key]) => fresh.has(key)).map(([, source]) => source)
  }

  async #planTargets(parts: PlanParts): Promise<void> {
    this.#enter('ACTIVE_RECONCILING_TARGET')
    const planner = new TargetPlanner(parts, this.#sources)
    const begin = performance.now()
    for (let after = 0; ; ) {
      this.#checkCanceled()
      const { objects, last } = await this.#snapshot.untouched(after, WINDOW)
      if (last === undefined) break
      await this.#add(await planner.plan(objects))
      after = last
    }
    this.#durations.note('targetPhase', performance.now() - begin)
  }

  async #add(rows: readonly NewRow[]): Promise<void> {
    for (const row of rows) this.#count(row)
    await this.#rows.add(rows)
  }

  #count(row: NewRow): void {
    const { statistics } = this
    if (isSituation(row.situation)) statistics.situation(row.situation, row.sourceId ?? row.targetId)
    if (row.work && workIn(row.work).link) statistics.linksProcessed += 1
    if (row.status === null && !this.isAnalysis) return
    this.#countDone(row)
    statistics.status(row.status ?? 'SUCCESS')
    if (row.action === 'UPDATE' && row.status === 'SUCCESS') statistics.unchanged += 1
  }

  #countDone({ phase, targetId }: NewRow): void {
    const { statistics } = this
    if (phase === 'source')
      statistics.sourcesProcessed = Math.min(statistics.sourcesProcessed + 1, statistics.sources ?? 0)
    if (targetId !== null)
      statistics.targetsProcessed = Math.min(
        statistics.targetsProcessed + 1,
        statistics.targets ?? Number.POSITIVE_INFINITY,
      )
  }

  /** For a plan that was made by another run. */
  async #recount(): Promise<void> {
    this.statistics.sources = 0
    this.statistics.targets = 0
    for (let after = 0; ; ) {
      const rows = await this.#rows.after(after, WINDOW)
      const last = rows.at(-1)
      if (!last) return
      this.statistics.sources += rows.filter(({ phase }) => phase === 'source').length
      this.statistics.targets += rows.filter(({ targetId }) => targetId !== null).length
      for (const row of rows) this.#count(row)
      after = last.key
    }
  }

  /** @param decidesAgain whether what has changed meanwhile is decided anew, or left alone */
  async #apply(decidesAgain: boolean): Promise<void> {
    await this.#guard()
    this.#enter('ACTIVE_RECONCILING_SOURCE')
    const performer = this.#performer(decidesAgain)
    for (let after = 0; ; ) {
      const rows = await this.#rows.waiting(after, WINDOW)
      const last = rows.at(-1)
      if (!last) return
      if (last.phase === 'target') this.#enter('ACTIVE_RECONCILING_TARGET')
      const skipped = decidesAgain ? new Set<number>() : await this.#changedSources(rows)
      await this.#work(rows, async (row) => {
        const { settled } = skipped.has(row.key) ? performer.skip(row, CHANGED) : await performer.perform(row)
        await this.#settling(settled.then(() => this.#countDone(row)))
      })
      await this.#persist()
      after = last.key
    }
  }

  async #guard(): Promise<void> {
    const limit = this.#mapping.maxDeletes ?? DEFAULT_MAX_DELETES
    const planned = await this.#rows.countWaiting('DELETE')
    const targets = this.statistics.targets ?? planned
    if (planned <= allowedDeletes(limit, targets)) return
    const said = 'count' in limit ? `${limit.count}` : `${Math.round(limit.share * 1000) / 10} %`
    throw conflict(
      `It would delete ${planned} of ${targets} targets, more than maxDeletes (${said}) allows. Nothing was written.`,
    )
  }

  #performer(decidesAgain: boolean): Performer {
    const parts = this.#planParts(
      new Targets({
        set: this.#targetSet,
        links: this.#links,
        snapshot: undefined,
        isComplete: false,
        isProjected: this.#mapping.defaultTargetFields !== undefined,
      }),
      true,
    )
    const planner = new SourcePlanner({ ...parts, isAnalysis: false })
    return new Performer({
      mapping: this.#mapping,
      links: this.#links,
      scripts: this.#parts.scripts,
      hooks: this.#hooks,
      sources: this.#sources,
      targets: this.#targetSet,
      committer: new Committer(this.#rows, correlates(this.#mapping)),
      statistics: this.statistics,
      again: decidesAgain ? async (source, qualifier) => (await planner.plan([source], qualifier))[0] : undefined,
    })
  }

  /** The rows whose source is not what it was when the plan was made. */
  async #changedSources(
    rows: readonly { key: number; sourceId: string | null; work: JsonObject | null }[],
  ): Promise<Set<number>> {
    const open = rows.flatMap(({ key, sourceId, work }) => {
      const source = work ? workIn(work).source : null
      return source && sourceId !== null ? [{ key, sourceId, source }] : []
    })
    const now = await this.#sources.byIds([...new Set(open.map(({ sourceId }) => sourceId))], 'sourceObjectQuery')
    const isChanged = ({ sourceId, source }: (typeof open)[number]): boolean => {
      const current = now.get(sourceId)
      if (!current) return true
      const revision = revisionOf(source)
      return revision === null ? JSON.stringify(current) !== JSON.stringify(source) : revisionOf(current) !== revision
    }
    return new Set(open.filter(isChanged).map(({ key }) => key))
  }

  /** `taskThreads` at a time, in order. */
  async #work<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    const queue = items.values()
    const worker = async (): Promise<void> => {
      for (const item of queue) {
        if (this.#abort.signal.aborted) return
        await work(item)
      }
    }
    await Promise.all(Array.from({ length: Math.max(1, this.#mapping.taskThreads) }, worker))
    await Promise.all(this.#unsettled)
    this.#checkCanceled()
  }

  /**
   * Where sources are correlated, the next row need not wait until this one is on the disk: what a crash would lose, the
   * next run finds again. Where nothing else tells what was created, each waits.
   */
  async #settling(settled: Promise<void>): Promise<void> {
    if (!correlates(this.#mapping)) return settled
    const one = settled.finally(() => this.#unsettled.delete(one))
    this.#unsettled.add(one)
    if (this.#unsettled.size >= MOST_UNSETTLED) await Promise.race(this.#unsettled)
  }

  #checkCanceled(): void {
    this.#abort.signal.throwIfAborted()
  }

  #enter(stage: Stage): void {
    if (!this.#abort.signal.aborted) this.#stage = stage
  }

  async #persist(now = false): Promise<void> {
    if (!now && performance.now() - this.#persisted < PERSIST_MS) return
    this.#persisted = performance.now()
    await this.#parts.runs.update(this.#parts.number, this.state, this.toJSON())
    await turn()
  }

  get #parameters(): JsonObject {
    const { action, ids } = this.#parts.options
    return {
      sourceQuery: shownQuery(this.#mapping, 'source'),
      targetQuery: shownQuery(this.#mapping, 'target'),
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

/** So many rows may be done at the target and not yet on the disk. */
const MOST_UNSETTLED = 200

const CHANGED = 'The source has changed since the plan was made: nothing was done'

const isEmpty = (page: IteratorResult<JsonObject[], void>): boolean => page.done === true || page.value.length === 0
