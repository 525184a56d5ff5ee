import { setImmediate as turn } from 'node:timers/promises'
import type { QueryFilter } from '../../../crest/filter/query-filter.ts'
import { printPointer } from '../../../crest/pointer.ts'
import { coarse } from '../../objects/order-key.ts'
import { type RawBuilder, select, sql } from '../database/kysely.ts'
import type { Session } from '../database/session.ts'
import type { AskFilter } from './asked-filters.ts'
import { candidateKeys, candidateWindow, filterCandidates } from './filter-candidates.ts'
import { type Condition, filterCondition, isAlwaysTrue } from './filter-condition.ts'
import { compareKeys, type Ordering, type Place } from './ordering.ts'
import { type PropertyIndex, selectIndexes } from './property-index.ts'
import { type Window, windowsByAge, windowsByProperty } from './windows.ts'

/** An object that satisfies the filter; its content is fetched only when it is on the page. */
export interface Found extends Place {
  readonly key: number
  readonly revision: string
}

export interface SearchOptions {
  readonly type: string
  readonly filter: QueryFilter
  readonly ask: AskFilter
  /** undefined = in the order the objects were made, with no keys. */
  readonly ordering: Ordering | undefined
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
  readonly #session: Session
  readonly #options: SearchOptions
  readonly #condition: Condition
  readonly #indexes: readonly PropertyIndex[]
  /** The part of the objects that an index has left; undefined when it is all of them. */
  readonly #candidates: Window | undefined

  private constructor(
    session: Session,
    options: SearchOptions,
    indexes: readonly PropertyIndex[],
    candidates?: Window,
  ) {
    this.#session = session
    this.#options = options
    this.#condition = filterCondition(options.filter, options.ask)
    this.#indexes = indexes
    this.#candidates = candidates
  }

  static start(session: Session, options: SearchOptions): ObjectSearch {
    const indexes = selectIndexes(session, options.type)
    return new ObjectSearch(session, options, indexes, usableCandidates(session, options, indexes))
  }

  /** The first `needed` objects behind the place `after`. */
  async first(needed: number, after: Place | undefined): Promise<Found[]> {
    const compare = this.#options.ordering?.compare
    let found: Found[] = []
    for await (const window of this.#windows(needed, after)) {
      if (found.length >= needed && this.#isBehind(window, found.at(-1))) break
      for (const one of this.#findIn(window)) if (!after || !compare || compare(one, after) > 0) found.push(one)
      if (found.length >= needed) found = found.sort(compare ?? (() => 0)).slice(0, needed)
    }
    return compare ? found.sort(compare) : found
  }

  async count(): Promise<number> {
    const { filter, window } = this.#options
    const windows = this.#windowsByAge(isAlwaysTrue(filter) ? COUNTED * window : window)
    let count = 0
    for await (const part of windows) {
      const query = sql<{ count: number }>`select count(*) as count ${this.#from(part)}`
      count += select(this.#session, query)[0]?.count ?? 0
    }
    return count
  }

  #windows(needed: number, after: Place | undefined): AsyncIterable<Window> {
    const { ordering, window } = this.#options
    const index = ordering && this.#indexes.find(isFor(ordering.first.field))
    if (!index || this.#candidates) return this.#windowsByAge(window)
    const sizes = { first: Math.min(needed + SPARE, window), last: window }
    return this.#inTurns(windowsByProperty(this.#session, index, ordering.first.ascending, after?.keys[0], sizes))
  }

  #windowsByAge(size: number): AsyncIterable<Window> {
    if (this.#candidates) return this.#inTurns([this.#candidates])
    return this.#inTurns(windowsByAge(this.#session, this.#options.type, size))
  }

  async *#inTurns(windows: Iterable<Window>): AsyncGenerator<Window, void> {
    for (const window of windows) {
      yield window
      await turn()
      this.#options.signal?.throwIfAborted()
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

  #findIn(window: Window): Found[] {
    const keys = this.#options.ordering?.expressions ?? []
    const columns = [
      sql`o.key`,
      sql`o.id`,
      sql`o.revision`,
      ...keys.map((key, index) => sql`${key} as ${sql.ref(`k${index}`)}`),
    ]
    const query = sql<Omit<Found, 'keys'> & Record<`k${number}`, string>>`
      select ${sql.join(columns)} ${this.#from(window)} ${keys.length === 0 ? sql`order by o.key` : sql``}`
    return select(this.#session, query).map((row) => ({ ...row, keys: keys.map((_, index) => row[`k${index}`] ?? '') }))
  }

  #from({ source, condition }: Window): RawBuilder<unknown> {
    return sql`from ${source} where o.type = ${this.#options.type} and ${condition} and ${this.#condition}`
  }
}

const isFor = (field: readonly string[]) => {
  const name = printPointer(field)
  return ({ property, ready }: PropertyIndex) => ready && property === name
}

function usableCandidates(
  session: Session,
  { filter, window }: SearchOptions,
  indexes: readonly PropertyIndex[],
): Window | undefined {
  const ranges = filterCandidates(filter, indexes)
  if (!ranges) return undefined
  const query = sql<{ count: number }>`select count(*) as count
    from (select 1 from (${candidateKeys(ranges)}) as candidate limit ${CANDIDATES * window + 1}) as counted`
  const count = select(session, query)[0]?.count ?? 0
  return count > CANDIDATES * window ? undefined : candidateWindow(ranges)
}
