import type { Examination, ExaminationOptions, Found } from '../../sql/objects/examination.ts'
import type { Ordering } from '../../sql/objects/ordering.ts'
import type { Window } from '../../sql/objects/windows.ts'
import { type RawBuilder, select, sql } from '../../sql/statements/kysely.ts'
import type { Work } from '../../sql/statements/work.ts'
import { AskedFilters } from './asked-filters.ts'
import { filterCondition } from './filter-condition.ts'
import { storedValue } from './stored-value.ts'

/** Judges objects inside SQLite, which this teaches IDM's comparison: see `installJsonFunctions`. */
export function examineInDatabase({ type, filter, ordering }: ExaminationOptions): Examination {
  const asked = new AskedFilters()
  const condition = filterCondition(filter, asked.ask)
  const keys = ordering ? orderExpressions(ordering) : []
  const from = (window: Window) =>
    sql`from ${window.source} where o.type = ${type} and ${window.condition} and ${condition}`
  const columns = keys.map((key, index) => sql`, ${key} as ${sql.ref(`k${index}`)}`)
  const order = keys.length === 0 ? sql`order by o.key` : sql``
  return {
    *find(window: Window): Work<Found[]> {
      const query = sql<Omit<Found, 'keys'> & Record<`k${number}`, string>>`
        select o.key, o.id, o.revision${sql.join(columns, sql``)} ${from(window)} ${order}`
      const rows = yield* select(query)
      return rows.map((row) => ({ ...row, keys: keys.map((_, index) => row[`k${index}`] ?? '') }))
    },
    *count(window: Window): Work<number> {
      return (yield* select(sql<{ count: number }>`select count(*) as count ${from(window)}`))[0]?.count ?? 0
    },
    end: () => asked.forget(),
  }
}

/** One SQL expression for each sort key, for a row `o` of `object`. */
const orderExpressions = ({ sortKeys }: Ordering): RawBuilder<string>[] =>
  sortKeys.map(({ field }) => {
    const { expression, rest } = storedValue(field)
    return sql<string>`json_order(${expression}, ${JSON.stringify(rest)})`
  })
