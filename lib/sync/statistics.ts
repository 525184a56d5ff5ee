import type { Json, JsonObject } from '../contract.ts'
import { isObject } from '../core/json.ts'
import { type EdgeCount, ROW_STATUSES, type Row, type RowStatus } from '../repo/runs/run-row.ts'
import type { RowTally } from '../repo/runs/run-rows.ts'
import { isSituation, SITUATIONS, type Situation } from './situation.ts'

/**
 * `unseen`: the target does not show the field that would be, or was, set. `notTakenOver`: the target shows another value
 * than it was sent. `writtenAgain`: the same value was sent before, and the target still has another. Of relationships:
 * `notShown`: one side does not show it, so that it was left alone. `noCounterpart`, `noCounterpartYet`: edges of the source
 * that lead to an object without counterpart, or to one that the run itself may give one. `conditional`: edges that the
 * target makes itself. `leftAlone`: edges of the target that lead to an object without counterpart. Of an undo:
 * `changedSince`: fields that no longer hold what the run wrote. `cannotComeBack`: fields that the target does not show or
 * does not take.
 */
export type FieldNote = 'unseen' | 'notTakenOver' | 'writtenAgain' | EdgeCount['note']

/** How many objects and links a run found; null = not counted. */
export interface RunTotals {
  readonly sources: number | null
  readonly targets: number | null
  readonly links: number | null
}

const COUNTERS = [
  ...(['sourcesProcessed', 'targetsProcessed', 'created', 'unchanged', 'updated', 'deleted', 'linked'] as const),
] as const

/** What a node has counted while it carried out rows. */
export interface CountedRows {
  readonly counts: Readonly<Record<(typeof COUNTERS)[number], number>>
  readonly statuses: readonly (readonly [RowStatus, number])[]
  readonly fields: readonly (readonly [FieldNote, readonly (readonly [string, number])[]])[]
}

/** The counters of a run, as `recon/ID` shows them. */
export class Statistics {
  sources: number | undefined
  targets: number | undefined
  links: number | undefined
  sourcesProcessed = 0
  targetsProcessed = 0
  linksProcessed = 0
  created = 0
  unchanged = 0
  updated = 0
  deleted = 0
  linked = 0
  /** The name of the process of the run, once others share its work. */
  node: string | undefined
  /** Sources that others have processed. */
  readonly #byNode = new Map<string, number>()
  readonly #situations = new Map<Situation, number>(SITUATIONS.map((situation) => [situation, 0]))
  readonly #statuses = new Map<RowStatus, number>(ROW_STATUSES.map((status) => [status, 0]))
  readonly #fields = new Map<FieldNote, Map<string, number>>()
  /** Ids of the first objects of each situation, for the script `result`. */
  readonly #ids = new Map<Situation, string[]>()

  #situation(situation: Situation, id: string | null): void {
    this.#situations.set(situation, (this.#situations.get(situation) ?? 0) + 1)
    const ids = this.#ids.get(situation) ?? []
    if (id === null || ids.length >= MAX_IDS) return
    ids.push(id)
    this.#ids.set(situation, ids)
  }

  status(status: RowStatus): void {
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1)
  }

  /** Counts a row when it is planned. */
  planned(row: Row, isAnalysis: boolean): void {
    if (isSituation(row.situation)) this.#situation(row.situation, row.sourceId ?? row.targetId)
    if (row.status === null && row.link) this.linksProcessed += 1
    for (const { field, unseen, again } of row.changes ?? []) {
      if (unseen) this.field('unseen', field)
      if (again) this.field('writtenAgain', field)
    }
    for (const { note, field, count } of row.edgeCounts ?? []) this.field(note, field, count)
    if (row.status === null && !isAnalysis) return
    this.processed(row)
    this.status(row.status ?? 'SUCCESS')
    if (row.action === 'UPDATE' && row.status === 'SUCCESS') this.unchanged += 1
  }

  /** Counts a row when it is carried out, or needs not be. */
  processed({ phase, targetId }: Row): void {
    const { sources = 0, targets = Number.POSITIVE_INFINITY } = this
    if (phase === 'source') this.sourcesProcessed = Math.min(this.sourcesProcessed + 1, sources)
    if (targetId !== null) this.targetsProcessed = Math.min(this.targetsProcessed + 1, targets)
  }

  /** Counts the rows of a run as they are stored; `totals` are what the run found when it planned them. */
  restore(tally: readonly RowTally[], totals: RunTotals, isAnalysis: boolean): void {
    this.sources = totals.sources ?? undefined
    this.targets = totals.targets ?? undefined
    this.links = totals.links ?? undefined
    for (const one of tally) {
      const { situation, count } = one
      if (isSituation(situation)) this.#situations.set(situation, (this.#situations.get(situation) ?? 0) + count)
      this.#ended({ ...one, status: one.status ?? (isAnalysis ? 'SUCCESS' : null) }, one.status)
    }
    this.#limit()
  }

  /** Counts rows that a node has carried out without telling what it has counted. */
  ended(node: string, tally: readonly RowTally[]): void {
    const before = this.sourcesProcessed
    for (const one of tally) if (one.status !== 'INTENDED') this.#ended(one, one.status)
    this.#limit()
    this.#noteNode(node, this.sourcesProcessed - before)
  }

  /** @param stored the outcome as it is stored: a row of an analysis has none */
  #ended({ phase, action, status: end, claims, count, targets, changing }: RowTally, stored: RowStatus | null): void {
    if (end === null) return
    this.#statuses.set(end, (this.#statuses.get(end) ?? 0) + count)
    if (end === 'INTENDED') return
    if (phase === 'source') this.sourcesProcessed += count
    this.targetsProcessed += targets
    if (stored !== 'SUCCESS') return
    this.linked += claims === 1 ? count : 0
    if (action === 'CREATE') this.created += count
    if (action === 'DELETE') this.deleted += count
    if (action === 'UPDATE') this.updated += changing
    if (action === 'UPDATE') this.unchanged += count - changing
  }

  #limit(): void {
    this.sourcesProcessed = Math.min(this.sourcesProcessed, this.sources ?? 0)
    this.targetsProcessed = Math.min(this.targetsProcessed, this.targets ?? this.targetsProcessed)
  }

  /** What was counted since the last call, to be added elsewhere. */
  take(): CountedRows {
    const counts = Object.fromEntries(COUNTERS.map((name) => [name, this[name]])) as CountedRows['counts']
    for (const name of COUNTERS) this[name] = 0
    const statuses = [...this.#statuses].filter(([, count]) => count > 0)
    const fields = [...this.#fields].map(([note, counted]) => [note, [...counted]] as const)
    for (const [status] of statuses) this.#statuses.set(status, 0)
    this.#fields.clear()
    return { counts, statuses, fields }
  }

  /** Adds what a node has counted. */
  add(node: string, { counts, statuses, fields }: CountedRows): void {
    const before = this.sourcesProcessed
    for (const name of COUNTERS) this[name] += counts[name]
    this.#limit()
    this.#noteNode(node, this.sourcesProcessed - before)
    for (const [status, count] of statuses) this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + count)
    for (const [note, counted] of fields) for (const [field, count] of counted) this.field(note, field, count)
  }

  #noteNode(node: string, count: number): void {
    this.#byNode.set(node, (this.#byNode.get(node) ?? 0) + count)
  }

  /** `{NODE: count}`: how many sources each node has processed; empty where runs are not shared. */
  get sourcesByNode(): JsonObject {
    const { node: own } = this
    if (own === undefined && this.#byNode.size === 0) return {}
    const others = [...this.#byNode].filter(([node]) => node !== own)
    const rest = this.sourcesProcessed - others.reduce((sum, [, count]) => sum + count, 0)
    return { ...(own !== undefined && { [own]: Math.max(0, rest) }), ...Object.fromEntries(others) }
  }

  /** What other nodes had processed before the run was interrupted. @param stored as `sourcesByNode` has it */
  restoreNodes(stored: Json | undefined): void {
    if (!isObject(stored)) return
    for (const [node, count] of Object.entries(stored)) this.#byNode.set(node, Number(count))
  }

  get totals(): RunTotals {
    return { sources: this.sources ?? null, targets: this.targets ?? null, links: this.links ?? null }
  }

  /** Counts a peculiarity of a field. */
  field(note: FieldNote, field: string, count = 1): void {
    if (count === 0) return
    const counts = this.#fields.get(note) ?? new Map<string, number>()
    this.#fields.set(note, counts.set(field, (counts.get(field) ?? 0) + count))
  }

  get hasFieldNotes(): boolean {
    return this.#fields.size > 0
  }

  /** `{NOTE: {FIELD: count}}` for those that occurred. */
  get fieldSummary(): JsonObject {
    return Object.fromEntries([...this.#fields].map(([note, counts]) => [note, Object.fromEntries(counts)]))
  }

  get situationSummary(): JsonObject {
    return Object.fromEntries(this.#situations)
  }

  get statusSummary(): JsonObject {
    // The vendor has the first two only: the others are shown when they occur.
    const isShown = (status: RowStatus, count: number) => count > 0 || status === 'SUCCESS' || status === 'FAILURE'
    return Object.fromEntries([...this.#statuses].filter(([status, count]) => isShown(status, count)))
  }

  /** `{SITUATION: {count, ids}}` for those that occurred. */
  get situationDetails(): JsonObject {
    const occurred = [...this.#situations].filter(([, count]) => count > 0)
    return Object.fromEntries(
      occurred.map(([situation, count]) => [situation, { count, ids: this.#ids.get(situation) ?? [] }]),
    )
  }

  get progress(): JsonObject {
    return {
      source: { existing: { processed: this.sourcesProcessed, total: textOf(this.sources) } },
      target: {
        existing: { processed: this.targetsProcessed, total: textOf(this.targets) },
        created: this.created,
        unchanged: this.unchanged,
        updated: this.updated,
        deleted: this.deleted,
      },
      links: { existing: { processed: this.linksProcessed, total: textOf(this.links) }, created: this.linked },
    }
  }
}

const MAX_IDS = 1000

const textOf = (total: number | undefined): string => (total === undefined ? '?' : String(total))
