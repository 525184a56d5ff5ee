import type { JsonObject } from '../../../contract.ts'
import { parseStoredJson } from '../../../core/json.ts'
import { representResource } from '../../../crest/protocol/represent.ts'
import type { Dialect } from '../statements/dialect.ts'
import { all, first, type Work } from '../statements/work.ts'

export interface ObjectRow {
  readonly key: number
  readonly id: string
  readonly revision: string
  /** JSON. */
  readonly content: string
}

/** With `_id` and `_rev`, as filters and sort keys see it. @throws SyntaxError when its JSON is damaged */
export const objectOf = ({ id, revision, content }: ObjectRow): JsonObject =>
  representResource({ id, revision, content: parseStoredJson(content) as JsonObject })

const COLUMNS = 'key, id, revision, content'

/** @param behind see `Dialect.forUpdate` */
export const selectObject = (type: string, id: string, behind = ''): Work<ObjectRow | undefined> =>
  first<ObjectRow>(`select ${COLUMNS} from object where type = ? and id = ?${behind}`, [type, id])

/** The next objects of a type after `after`, in the order they were made. */
export const selectObjectsAfter = (type: string, after: number, limit: number, behind = ''): Work<ObjectRow[]> =>
  all(`select ${COLUMNS} from object where type = ? and key > ? order by key limit ?${behind}`, [type, after, limit])

const ROWS_AT_ONCE = 1000

/** The rows for `keys`, in that order; one that has gone meanwhile is left out. */
export function* selectObjects(dialect: Dialect, keys: readonly number[]): Work<ObjectRow[]> {
  const found = new Map<number, ObjectRow>()
  for (let start = 0; start < keys.length; start += ROWS_AT_ONCE) {
    const text = `select ${COLUMNS} from object where key ${dialect.among('integer')}`
    const some = yield* all<ObjectRow>(text, [dialect.list(keys.slice(start, start + ROWS_AT_ONCE))])
    for (const row of some) found.set(row.key, row)
  }
  return keys.flatMap((key) => found.get(key) ?? [])
}
