import { setImmediate as turn } from 'node:timers/promises'
import { matches } from '../../../crest/filter/evaluate.ts'
import type { QueryFilter } from '../../../crest/filter/query-filter.ts'
import { printPointer } from '../../../crest/pointer.ts'
import { coarse } from '../../objects/order-key.ts'
import type { Database } from '../statements/database.ts'
import { select, sql } from '../statements/kysely.ts'
import type { Work } from '../statements/work.ts'
import type { Examination, ExaminationOptions, Examine, Found } from './examination.ts'
import { candidateKeys, candidateWindow, fieldsOf, filterCandidates } from './filter-candidates.ts'
import { compareKeys, type Place } from './ordering.ts'
import { type PropertyIndex, selectIndexes } from './property-index.ts'
import { oneWindow, type Window, type Windows, windowsByAge, windowsByProperty } from './windows.ts'

export interface SearchOptions extends ExaminationOptions {
  readonly db: Database
  readonly examine: Examine
  /** How many objects are looked at in one go. */
  readonly window: number
  readonly signal?: AbortSignal | undefined
}

/** Windows whose objects may come out of an index in one go; a filter that finds more there is answered by windows. */
const CANDIDATES = 5
/** Beyond the page, so that the first window is enough even if a few objects there have equal keys. */
const SPARE = 8
/** Windows that are counted in one go when no object has to be looked at for it. */
const COUNTED = 20

/**
 * Finds the objects that satisfy a filter, in statements that each look at a bounded number of them; between two the
 * rest of the process has its turn.
 */
export class ObjectSearch {
  readonly #options: SearchOptions
  readonly #examination: Examination
  readonly #indexes: readonly PropertyIndex[]
  /** The part of the objects that an index has left; undefined when it is all of them. */
  readonly #candidates: Window | undefined

  private constructor(options: SearchOptions, indexes: readonly PropertyIndex[], candidates?: Window) {
    this.#options = options
    this.#examination = options.examine(options)
    this.#indexes = indexes
    this.#candidates = candidates
  }

  static async start(options: SearchOptions): Promise<ObjectSearch> {
    const { db, type } = options
    const indexes = await db.run(selectIndexes(type))
    return new ObjectSearch(options, indexes, await db.run(usableCandidates(options, indexes)))
  }

  end(): void {
    this.#examination.end()
  }

  /** The first `needed` objects behind the place `after`. */
  async first(needed: number, after: Place | undefined): Promise<Found[]> {
    const compare = this.#options.ordering?.compare
    let found: Found[] = []
    for await (const window of this.#inTurns(this.#windows(needed, after))) {
      if (found.length >= needed && this.#isBehind(window, found.at(-1))) break
      for (const one of await this.#options.db.run(this.#examination.find(window)))
        if (!after || !compare || compare(one, after) > 0) found.push(one)
      if (found.length >= needed) found = found.sort(compare ?? (() => 0)).slice(0, needed)
    }
    return compare ? found.sort(compare) : found
  }

  async count(): Promise<number> {
    const { db, filter, window } = this.#options
    const windows = this.#windowsByAge(isAlwaysTrue(filter) ? COUNTED * window : window)
    let count = 0
    for await (const part of this.#inTurns(windows)) count += await db.run(this.#examination.count(part))
    return count
  }

  #windows(needed: number, after: Place | undefined): Windows {
    const { ordering, window } = this.#options
    const index = ordering && this.#indexes.find(isFor(ordering.first.field))
    if (!index || this.#candidates) return this.#windowsByAge(window)
    const sizes = { first: Math.min(needed + SPARE, window), last: window }
    return windowsByProperty(index, ordering.first.ascending, after?.keys[0], sizes)
  }

  #windowsByAge(size: number): Windows {
    return this.#candidates ? oneWindow(this.#candidates) : windowsByAge(this.#options.type, size)
  }

  async *#inTurns(windows: Windows): AsyncGenerator<Window, void> {
    const { db, signal } = this.#options
    for (let window = await db.run(windows.next()); window; window = await db.run(windows.next())) {
      yield window
      await turn()
      signal?.throwIfAborted()
    }
  }

  /** Whether all objects of the window, and of those behind it, come after `last`. */
  #isBehind({ firstKey }: Window, last: Place | undefined): boolean {
    const { ordering } = this.#options
    if (!ordering) return true
    const key = last?.keys[0]
    if (firstKey === undefined || key === undefined) return false
    return compareKeys(coarse(key), firstKey, ordering.first.ascending) < 0
  }
}

/** Whether every object satisfies `filter`, as far as one can tell without looking at any. */
export const isAlwaysTrue = (filter: QueryFilter): boolean => fieldsOf(filter).length === 0 && matches(filter, {})

const isFor = (field: readonly string[]) => {
  const name = printPointer(field)
  return ({ property, ready }: PropertyIndex) => ready && property === name
}

function* usableCandidates(
  { filter, window }: SearchOptions,
  indexes: readonly PropertyIndex[],
): Work<Window | undefined> {
  const ranges = filterCandidates(filter, indexes)
  if (!ranges) return undefined
  const query = sql<{ count: number }>`select count(*) as count
    from (select 1 from (${candidateKeys(ranges)}) as candidate limit ${CANDIDATES * window + 1}) as counted`
  const count = (yield* select(query))[0]?.count ?? 0
  return count > CANDIDATES * window ? undefined : candidateWindow(ranges)
}
