import { matches } from '../../../crest/filter/evaluate.ts'
import type { QueryFilter } from '../../../crest/filter/query-filter.ts'
import { fieldsOf } from '../../sql/objects/filter-candidates.ts'
import { type RawBuilder, sql } from '../../sql/statements/kysely.ts'
import type { AskFilter } from './asked-filters.ts'
import { type StoredValue, storedValue } from './stored-value.ts'

export type Condition = RawBuilder<boolean>

/** More conditions than this become one call: SQLite bounds the depth of an expression and its parameters. */
const MAX_LEAVES = 100

/** The SQL condition that holds for a row `o` of `object` when `matches(filter, object)` does; never NULL. */
export function filterCondition(filter: QueryFilter, ask: AskFilter): Condition {
  if (countLeaves(filter) > MAX_LEAVES && !commonValue(filter))
    return sql`object_matches(o.id, o.revision, o.content, ${ask(filter)}) = 1`
  return conditionOf(filter, ask)
}

function conditionOf(filter: QueryFilter, ask: AskFilter): Condition {
  if (countLeaves(filter) === 0) return matches(filter, {}) ? sql`1 = 1` : sql`1 = 0`
  const value = commonValue(filter)
  if (value) return sql`json_matches(${value.expression}, ${ask(rebased(filter))}) = 1`
  switch (filter.operator) {
    case 'and':
    case 'or':
      return sql`(${sql.join(
        filter.filters.map((operand) => conditionOf(operand, ask)),
        filter.operator === 'and' ? sql` and ` : sql` or `,
      )})`
    case 'not':
      return sql`not (${conditionOf(filter.filter, ask)})`
    default:
      return sql`1 = 0`
  }
}

/** The one value that all of `filter` is about, so that one call can judge it; undefined when there are several. */
function commonValue(filter: QueryFilter): StoredValue | undefined {
  const [first, ...others] = fieldsOf(filter).map(storedValue)
  return others.every(({ key }) => key === first?.key) ? first : undefined
}

const countLeaves = (filter: QueryFilter): number => fieldsOf(filter).length

/** The same filter with each field as it is seen from its value. */
function rebased(filter: QueryFilter): QueryFilter {
  switch (filter.operator) {
    case 'literal':
      return filter
    case 'and':
    case 'or':
      return { ...filter, filters: filter.filters.map(rebased) }
    case 'not':
      return { ...filter, filter: rebased(filter.filter) }
    default:
      return { ...filter, field: storedValue(filter.field).rest }
  }
}
