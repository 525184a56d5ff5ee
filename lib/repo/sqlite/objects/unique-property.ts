import { isDeepStrictEqual } from 'node:util'
import type { JsonObject } from '../../../contract.ts'
import { type ComparisonFilter, isFilterValue } from '../../../crest/filter/query-filter.ts'
import { getAt } from '../../../crest/pointer.ts'
import { UniqueViolation } from '../../objects/unique-violation.ts'
import { select, sql } from '../database/kysely.ts'
import type { Session } from '../database/session.ts'
import { AskedFilters } from './asked-filters.ts'
import { candidateWindow, filterCandidates } from './filter-candidates.ts'
import { filterCondition } from './filter-condition.ts'
import type { PropertyIndex } from './property-index.ts'

export interface UniqueScope {
  readonly type: string
  /** The object that is being written. */
  readonly id: string
  readonly indexes: readonly PropertyIndex[]
  /** As printPointer writes them; what is not indexed is not checked. */
  readonly unique: readonly string[]
}

/**
 * Checks inside the transaction that writes. Values are the same when a filter with `eq` says so: without regard to
 * case, so that who is looked up by such a property is one person.
 * @throws UniqueViolation
 */
export function checkUnique(
  session: Session,
  scope: UniqueScope,
  content: JsonObject,
  previous: JsonObject = {},
): void {
  for (const { property, field } of scope.indexes.filter(({ property }) => scope.unique.includes(property))) {
    const value = getAt(content, field)
    if (!isFilterValue(value) || isDeepStrictEqual(value, getAt(previous, field))) continue
    if (isTaken(session, scope, { operator: 'eq', field, value })) throw new UniqueViolation(property)
  }
}

function isTaken(session: Session, { type, id, indexes }: UniqueScope, filter: ComparisonFilter): boolean {
  const ranges = filterCandidates(filter, indexes)
  const { source, condition } = ranges ? candidateWindow(ranges) : { source: sql`object as o`, condition: sql`1 = 1` }
  const asked = new AskedFilters()
  try {
    const query = sql`select o.key from ${source}
      where ${condition} and o.type = ${type} and o.id <> ${id} and ${filterCondition(filter, asked.ask)} limit 1`
    return select(session, query).length > 0
  } finally {
    asked.forget()
  }
}
