import type { JsonObject } from '../contract.ts'
import type { RowStatus } from '../repo/run-rows.ts'
import { SITUATIONS, type Situation } from './situation.ts'

/**
 * `unseen`: it would be set, or was, and the target does not show it. `notTakenOver`: the target shows another value than
 * it was sent. `writtenAgain`: the same value was sent before, and the target keeps another.
 */
export type FieldNote = 'unseen' | 'notTakenOver' | 'writtenAgain'

/** What a run has counted so far, as `recon/ID` shows it. */
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
  readonly #statuses: Record<RowStatus, number> = { SUCCESS: 0, FAILURE: 0, DEFERRED: 0 }
  readonly #fields = new Map<FieldNote, Map<string, number>>()
  /** Ids of the first objects of each situation, for the script `result`. */
  readonly #ids = new Map<Situation, string[]>()

  situation(situation: Situation, id: string | null): void {
    this.#situations.set(situation, (this.#situations.get(situation) ?? 0) + 1)
    const ids = this.#ids.get(situation) ?? []
    if (id === null || ids.length >= MOST_IDS) return
    ids.push(id)
    this.#ids.set(situation, ids)
  }

  status(status: RowStatus, count = 1): void {
    this.#statuses[status] += count
  }

  /** Counts something that is worth to be known about a field. */
  field(note: FieldNote, field: string): void {
    const counts = this.#fields.get(note) ?? new Map<string, number>()
    this.#fields.set(note, counts.set(field, (counts.get(field) ?? 0) + 1))
  }

  get hasFieldNotes(): boolean {
    return this.#fields.size > 0
  }

  /** `{NOTE: {FIELD: count}}` of those that occurred. */
  get fieldSummary(): JsonObject {
    return Object.fromEntries([...this.#fields].map(([note, counts]) => [note, Object.fromEntries(counts)]))
  }

  get failures(): number {
    return this.#statuses.FAILURE
  }

  get done(): number {
    return this.#statuses.SUCCESS + this.#statuses.FAILURE
  }

  get situationSummary(): JsonObject {
    return Object.fromEntries(this.#situations)
  }

  get statusSummary(): JsonObject {
    const { DEFERRED, ...statuses } = this.#statuses
    // Not among the vendor's statuses: only where there are some.
    return DEFERRED === 0 ? statuses : { ...statuses, DEFERRED }
  }

  /** `{SITUATION: {count, ids}}` of those that occurred. */
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

const MOST_IDS = 1000

const textOf = (total: number | undefined): string => (total === undefined ? '?' : String(total))
