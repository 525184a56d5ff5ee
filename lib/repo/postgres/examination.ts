import type { JsonObject } from '../../contract.ts'
import { damagedObject } from '../sql/objects/damaged-object.ts'
import type { Examination, ExaminationOptions, Found } from '../sql/objects/examination.ts'
import { matcherOf } from '../sql/objects/filter-matcher.ts'
import { type ObjectRow, objectOf } from '../sql/objects/object-row.ts'
import { isAlwaysTrue } from '../sql/objects/object-search.ts'
import type { Window } from '../sql/objects/windows.ts'
import { select, sql } from '../sql/statements/kysely.ts'
import type { Work } from '../sql/statements/work.ts'

/** Judges objects in this process: a server cannot be taught IDM's comparison. It has narrowed them down by an index. */
export function examineHere({ type, filter, ordering }: ExaminationOptions): Examination {
  const matches = matcherOf(filter)
  const from = (window: Window) => sql`from ${window.source} where o.type = ${type} and ${window.condition}`
  function* matching(window: Window): Work<{ row: ObjectRow; object: JsonObject }[]> {
    const query = sql<ObjectRow>`select o.key, o.id, o.revision, o.content ${from(window)} order by o.key`
    return (yield* select(query))
      .map((row) => ({ row, object: readable(type, row) }))
      .filter(({ object }) => matches(object))
  }
  return {
    *find(window): Work<Found[]> {
      return (yield* matching(window)).map(({ row: { key, id, revision }, object }) => ({
        key,
        revision,
        id,
        keys: ordering?.placeAt(object).keys ?? [],
      }))
    },
    *count(window): Work<number> {
      if (!isAlwaysTrue(filter)) return (yield* matching(window)).length
      return (yield* select(sql<{ count: number }>`select count(*) as count ${from(window)}`))[0]?.count ?? 0
    },
    end: () => undefined,
  }
}

function readable(type: string, row: ObjectRow): JsonObject {
  try {
    return objectOf(row)
  } catch (error) {
    throw damagedObject(type, row, error)
  }
}
