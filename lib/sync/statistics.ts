import type { JsonObject } from '../contract.ts'
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
    for (const { phase, situation, action, status, claims, count, targets, changing } of tally) {
      if (isSituation(situation)) this.#situations.set(situation, (this.#situations.get(situation) ?? 0) + count)
      const end = status ?? (isAnalysis ? 'SUCCESS' : null)
      if (end === null) continue
      this.#statuses.set(end, (this.#statuses.get(end) ?? 0) + count)
      if (end === 'INTENDED') continue
      if (phase === 'source') this.sourcesProcessed += count
      this.targetsProcessed += targets
      if (status !== 'SUCCESS') continue
      this.linked += claims === 1 ? count : 0
      if (action === 'CREATE') this.created += count
      if (action === 'DELETE') this.deleted += count
      if (action === 'UPDATE') this.updated += changing
      if (action === 'UPDATE') this.unchanged += count - changing
    }
    this.sourcesProcessed = Math.min(this.sourcesProcessed, this.sources ?? 0)
    this.targetsProcessed = Math.min(this.targetsProcessed, this.targets ?? this.targetsProcessed)
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
