import type { JsonObject } from '../../../contract.ts'
import { parseStoredJson } from '../../../core/json.ts'
import { representResource } from '../../../crest/protocol/represent.ts'
import type { Session } from '../database/session.ts'

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

export const selectObject = (session: Session, type: string, id: string): ObjectRow | undefined =>
  session.all<ObjectRow>(`select ${COLUMNS} from object where type = ? and id = ?`, [type, id])[0]

/** The next objects of a type after `after`, in the order they were made. */
export const selectObjectsAfter = (session: Session, type: string, after: number, limit: number): ObjectRow[] =>
  session.all(`select ${COLUMNS} from object where type = ? and key > ? order by key limit ?`, [type, after, limit])

const ROWS_AT_ONCE = 256

/** The rows for `keys`, in that order; one that has gone meanwhile is left out. */
export function selectObjects(session: Session, keys: readonly number[]): ObjectRow[] {
  const found = new Map<number, ObjectRow>()
  for (let start = 0; start < keys.length; start += ROWS_AT_ONCE) {
    const some = padded(keys.slice(start, start + ROWS_AT_ONCE))
    const text = `select ${COLUMNS} from object where key in (${some.map(() => '?').join(', ')})`
    for (const row of session.all<ObjectRow>(text, some)) found.set(row.key, row)
  }
  return keys.flatMap((key) => found.get(key) ?? [])
}

/** To a power of two, by repeating the last: few lengths are few statements to prepare. */
function padded(keys: readonly number[]): number[] {
  const length = 2 ** Math.ceil(Math.log2(keys.length))
  return Array.from({ length }, (_, index) => keys[Math.min(index, keys.length - 1)] ?? 0)
}
