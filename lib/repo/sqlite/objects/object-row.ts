import type { JsonObject } from '../../../contract.ts'
import { parseStoredJson } from '../../../core/json.ts'
import { representResource } from '../../../crest/protocol/represent.ts'
import type { Resource } from '../../../crest/protocol/request.ts'
import type { Session } from '../database/tables.ts'

export interface ObjectRow {
  readonly key: number
  readonly id: string
  readonly revision: string
  readonly content: string
}

/** A resource of ours always has a revision. */
export interface StoredObject extends Resource {
  readonly revision: string
}

export const storedObjectOf = ({ id, revision, content }: ObjectRow): StoredObject => ({
  id,
  revision,
  content: parseStoredJson(content) as JsonObject,
})

/** With `_id` and `_rev`, as filters and sort keys see it. */
export const objectOf = (row: ObjectRow): JsonObject => representResource(storedObjectOf(row))

const COLUMNS = ['key', 'id', 'revision', 'content'] as const

export const selectObject = (session: Session, type: string, id: string): Promise<ObjectRow | undefined> =>
  session.selectFrom('object').select(COLUMNS).where('type', '=', type).where('id', '=', id).executeTakeFirst()

const ROWS_AT_ONCE = 256

/** The rows for `keys`, in that order; one that has gone meanwhile is left out. */
export async function selectObjects(session: Session, keys: readonly number[]): Promise<ObjectRow[]> {
  const found = new Map<number, ObjectRow>()
  for (let start = 0; start < keys.length; start += ROWS_AT_ONCE) {
    const some = padded(keys.slice(start, start + ROWS_AT_ONCE))
    const rows = await session.selectFrom('object').select(COLUMNS).where('key', 'in', some).execute()
    for (const row of rows) found.set(row.key, row)
  }
  return keys.flatMap((key) => found.get(key) ?? [])
}

/** To a power of two, by repeating the last: few lengths are few statements to prepare. */
function padded(keys: readonly number[]): number[] {
  const length = 2 ** Math.ceil(Math.log2(keys.length))
  return Array.from({ length }, (_, index) => keys[Math.min(index, keys.length - 1)] ?? 0)
}
