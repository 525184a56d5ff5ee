import { damagedObject } from '../../sql/objects/damaged-object.ts'
import { first, type Work } from '../../sql/statements/work.ts'

const FIRST_DAMAGED = 'select key, id from object where type = ? and not json_valid(content) order by key limit 1'

/** Names the object that a query has failed at, if it was one that cannot be read. */
export function* explained(type: string, error: unknown): Work<unknown> {
  if (!(error instanceof SyntaxError || /malformed JSON/.test(String(error)))) return error
  const row = yield* first<{ key: number; id: string }>(FIRST_DAMAGED, [type])
  return row ? damagedObject(type, row, error) : error
}
