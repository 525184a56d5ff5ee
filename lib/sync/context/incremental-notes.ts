import type { JsonObject } from '../../contract.ts'
import { withoutUndefined } from '../../core/json.ts'
import { getAt, type Pointer, printPointer } from '../../crest/pointer.ts'
import type { SourceClock } from '../read/source-clock.ts'

/** What the options of a run say about `incremental` of its mapping. */
export interface IncrementalOptions {
  /** It asks only for what has changed since, as the filter has it; null = for everything. */
  readonly since: string | null
  /** What its good end is a watermark for; null = it leaves the watermark and the retries alone. */
  readonly scope: string | null
  /** ISO 8601: when its sources were read, by their clock; absent = as it is measured. */
  readonly readAt?: string
}

/** What a run of a mapping with `incremental` notes for the next one. */
export class IncrementalNotes {
  readonly options: IncrementalOptions
  readonly field: string
  /** Sources of earlier runs that need no further attempt: they are gone, or no longer selected. */
  readonly dropped: string[] = []
  /** Sources that earlier runs failed for. */
  retried = 0
  /** Sources that no incremental run would see. */
  withoutField = 0
  /** Where the next incremental run begins: ISO 8601. */
  watermark: string | undefined
  /** Sources that wait for the next incremental run. */
  waiting: number | undefined
  readonly #pointer: Pointer
  readonly #clock: SourceClock

  constructor(options: IncrementalOptions, field: Pointer, clock: SourceClock) {
    this.options = options
    this.field = printPointer(field)
    this.#pointer = field
    this.#clock = clock
  }

  see(sources: readonly JsonObject[]): void {
    if (this.options.since !== null) return
    for (const source of sources) if (!getAt(source, this.#pointer)) this.withoutField += 1
  }

  /** ISO 8601; undefined while the clock of the source is not known. */
  get readAt(): string | undefined {
    const { begin } = this.#clock
    return this.options.readAt ?? (begin === undefined ? undefined : new Date(begin).toISOString())
  }

  toJSON(): JsonObject {
    const { field, options, readAt, retried, withoutField, watermark, waiting } = this
    return withoutUndefined({
      changedField: field,
      changedSince: options.since ?? undefined,
      readAt,
      retried: retried || undefined,
      withoutField: withoutField || undefined,
      watermark,
      waiting,
    }) as JsonObject
  }
}
