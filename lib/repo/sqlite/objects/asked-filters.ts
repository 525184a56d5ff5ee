import type { QueryFilter } from '../../../crest/filter/query-filter.ts'
import { type Matcher, matcherOf } from './filter-matcher.ts'

const matchers = new Map<number, Matcher>()
let last = 0

/** Takes in a filter and gives the number by which a statement names it. */
export type AskFilter = (filter: QueryFilter) => number

/**
 * Does `work`, whose statements may ask the JSON functions about the filters it takes in. They name a filter by number,
 * for its text would be handed over with each row: with a batch of a thousand ids that is where all the time went.
 */
export async function askingFilters<T>(work: (ask: AskFilter) => Promise<T>): Promise<T> {
  const numbers: number[] = []
  const ask = (filter: QueryFilter): number => {
    last += 1
    matchers.set(last, matcherOf(filter))
    numbers.push(last)
    return last
  }
  try {
    return await work(ask)
  } finally {
    for (const number of numbers) matchers.delete(number)
  }
}

/** @throws Error when nothing asks about the filter any more */
export function matcherNumber(number: unknown): Matcher {
  const matcher = matchers.get(Number(number))
  if (!matcher) throw new Error(`no query asks filter ${number}`)
  return matcher
}
