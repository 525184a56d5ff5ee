import { DamagedRow } from '../statements/damaged-row.ts'

export type Damaged = (error: DamagedRow) => void

export const damagedObject = (type: string, { key, id }: { key: number; id: string }, cause: unknown): DamagedRow =>
  new DamagedRow('object', `${key} (${type}/${id})`, cause)
