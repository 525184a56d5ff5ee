import { DamagedRow } from '../database/damaged-row.ts'
import type { Session } from '../database/session.ts'

export type Damaged = (error: DamagedRow) => void

export const damagedObject = (type: string, { key, id }: { key: number; id: string }, cause: unknown): DamagedRow =>
  new DamagedRow('object', `${key} (${type}/${id})`, cause)

const FIRST_DAMAGED = 'select key, id from object where type = ? and not json_valid(content) order by key limit 1'

/** Names the object that a query has failed at, if it was one that cannot be read. */
export function explained(session: Session, type: string, error: unknown): unknown {
  if (!(error instanceof SyntaxError || /malformed JSON/.test(String(error)))) return error
  const [row] = session.all<{ key: number; id: string }>(FIRST_DAMAGED, [type])
  return row ? damagedObject(type, row, error) : error
}
