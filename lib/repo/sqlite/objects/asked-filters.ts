import type { QueryFilter } from '../../../crest/filter/query-filter.ts'
import { type Matcher, matcherOf } from '../../sql/objects/filter-matcher.ts'

const matchers = new Map<number, Matcher>()
let last = 0

/** Takes in a filter and gives the number by which a statement names it. */
export type AskFilter = (filter: QueryFilter) => number

/**
 * The filters that the JSON functions are asked about. Statements name a filter by number, for its text would be handed
 * over with each row: with a batch of a thousand ids that is where all the time went.
 */
export class AskedFilters {
  readonly #numbers: number[] = []

  readonly ask: AskFilter = (filter) => {
    last += 1
    matchers.set(last, matcherOf(filter))
    this.#numbers.push(last)
    return last
  }

  forget(): void {
    for (const number of this.#numbers) matchers.delete(number)
  }
}

/** @throws Error when nothing asks about the filter any more */
export function matcherNumber(number: unknown): Matcher {
  const matcher = matchers.get(Number(number))
  if (!matcher) throw new Error(`no query asks filter ${number}`)
  return matcher
}
