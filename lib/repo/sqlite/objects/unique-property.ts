import { isDeepStrictEqual } from 'node:util'
import type { JsonObject } from '../../../contract.ts'
import { ResourceException } from '../../../crest/errors.ts'
import { type ComparisonFilter, isFilterValue } from '../../../crest/filter/query-filter.ts'
import { getAt } from '../../../crest/pointer.ts'
import { sql } from '../database/kysely.ts'
import type { Session } from '../database/tables.ts'
import { askingFilters } from './asked-filters.ts'
import { candidateWindow, filterCandidates } from './filter-candidates.ts'
import { filterCondition } from './filter-condition.ts'
import type { PropertyIndex } from './property-index.ts'

/** Another object of the type has the value already. */
export class UniqueViolation extends ResourceException {
  /** As printPointer writes it. */
  readonly property: string

  constructor(property: string) {
    super(409, `Another object has the same value of ${property}`, { detail: { property } })
    this.name = 'UniqueViolation'
    this.property = property
  }
}

export interface UniqueScope {
  readonly type: string
  /** The object that is being written. */
  readonly id: string
  readonly indexes: readonly PropertyIndex[]
  /** As printPointer writes them; what is not indexed is not checked. */
  readonly unique: ReadonlySet<string>
}

/**
 * Checks inside the transaction that writes. Values are the same when a filter with `eq` says so: without regard to
 * case, so that who is looked up by such a property is one person.
 * @throws UniqueViolation
 */
export async function checkUnique(
  session: Session,
  scope: UniqueScope,
  content: JsonObject,
  previous: JsonObject = {},
): Promise<void> {
  for (const { property, field } of scope.indexes.filter(({ property }) => scope.unique.has(property))) {
    const value = getAt(content, field)
    if (!isFilterValue(value) || isDeepStrictEqual(value, getAt(previous, field))) continue
    if (await isTaken(session, scope, { operator: 'eq', field, value })) throw new UniqueViolation(property)
  }
}

function isTaken(session: Session, { type, id, indexes }: UniqueScope, filter: ComparisonFilter): Promise<boolean> {
  const ranges = filterCandidates(filter, indexes)
  const { source, condition } = ranges ? candidateWindow(ranges) : { source: sql`object as o`, condition: sql`1 = 1` }
  return askingFilters(async (ask) => {
    const query = sql`select o.key from ${source}
      where ${condition} and o.type = ${type} and o.id <> ${id} and ${filterCondition(filter, ask)} limit 1`
    return (await query.execute(session)).rows.length > 0
  })
}
