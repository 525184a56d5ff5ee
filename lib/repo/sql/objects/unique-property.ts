import { isDeepStrictEqual } from 'node:util'
import type { JsonObject } from '../../../contract.ts'
import { matches } from '../../../crest/filter/evaluate.ts'
import { type ComparisonFilter, isFilterValue } from '../../../crest/filter/query-filter.ts'
import { getAt, parsePointer } from '../../../crest/pointer.ts'
import { coarse, orderKey } from '../../objects/order-key.ts'
import { UniqueViolation } from '../../objects/unique-violation.ts'
import type { Lock } from '../statements/database.ts'
import { all, type Work } from '../statements/work.ts'
import { type ObjectRow, objectOf, selectObjectsAfter } from './object-row.ts'
import type { PropertyIndex } from './property-index.ts'

export interface UniqueScope {
  readonly type: string
  /** The object that is being written. */
  readonly id: string
  readonly indexes: readonly PropertyIndex[]
  /** As printPointer writes them; what is not indexed is not checked. */
  readonly unique: readonly string[]
}

/** Held by who writes an object with such values: two at once do not see each other. */
export const uniqueLocks = (type: string, unique: readonly string[], content: JsonObject): Lock[] =>
  unique.flatMap((property) => {
    const value = getAt(content, parsePointer(property))
    return isFilterValue(value) ? [{ name: `unique/${type}${property} ${coarse(orderKey(value))}` }] : []
  })

/**
 * Checks inside the transaction that writes. Values are the same when a filter with `eq` says so: without regard to
 * case, so that who is looked up by such a property is one person.
 * @throws UniqueViolation
 */
export function* checkUnique(scope: UniqueScope, content: JsonObject, previous: JsonObject = {}): Work<void> {
  for (const index of scope.indexes.filter(({ property }) => scope.unique.includes(property))) {
    const { property, field } = index
    const value = getAt(content, field)
    if (!isFilterValue(value) || isDeepStrictEqual(value, getAt(previous, field))) continue
    const filter: ComparisonFilter = { operator: 'eq', field, value }
    if (yield* index.ready ? byIndex(scope, index, filter) : byAge(scope, filter)) throw new UniqueViolation(property)
  }
}

function* byIndex({ type, id }: UniqueScope, { key }: PropertyIndex, filter: ComparisonFilter): Work<boolean> {
  const rows = yield* all<ObjectRow>(SAME_VALUE, [key, coarse(orderKey(filter.value)), type, id])
  return rows.some((row) => matches(filter, objectOf(row)))
}

const SAME_VALUE = `select o.key, o.id, o.revision, o.content from property_value as w cross join object as o
  where w.property = ? and w.order_key = ? and o.key = w.object and o.type = ? and o.id <> ?`

/** While the index is being built. */
function* byAge({ type, id }: UniqueScope, filter: ComparisonFilter): Work<boolean> {
  for (let last: number | undefined = 0; last !== undefined; ) {
    const rows: ObjectRow[] = yield* selectObjectsAfter(type, last, WINDOW)
    if (rows.some((row) => row.id !== id && matches(filter, objectOf(row)))) return true
    last = rows.at(-1)?.key
  }
  return false
}

const WINDOW = 1000
