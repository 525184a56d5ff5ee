import type { EventSelection } from '../../queue/event-store.ts'
import type { Dialect } from '../statements/dialect.ts'
import { all, type Work } from '../statements/work.ts'
import { BY_OBJECT, STATE } from './event-row.ts'

/** Which events are meant, as the thread gets it. */
export type KeySelection = Omit<EventSelection, 'ids'> & { readonly keys?: readonly number[] | undefined }

const WAITING = [STATE.ready, STATE.behind, STATE.retry, STATE.acquired]
export const IDLE = [STATE.ready, STATE.behind, STATE.retry]
export const DEAD = [STATE.dead]

export const statesOf = ({ state }: KeySelection): readonly number[] =>
  state === 'ACQUIRED' ? [STATE.acquired] : state === 'PENDING' ? IDLE : WAITING

export interface KeyRange {
  readonly after: number
  /** undefined = no end. */
  readonly last?: number | undefined
  readonly limit: number
}

/** The keys of the next events that are meant, in their order. */
export function* selectKeys(
  dialect: Dialect,
  { mapping, resourceId, keys }: KeySelection,
  states: readonly number[],
  { after, last = Number.MAX_SAFE_INTEGER, limit }: KeyRange,
): Work<number[]> {
  const conditions = ['key > ?1', 'key <= ?2']
  const values: unknown[] = [after, last, limit]
  const add = (condition: (place: string) => string, value: unknown) =>
    conditions.push(condition(`?${values.push(value)}`))
  if (mapping !== undefined) add((place) => `mapping = ${place}`, mapping)
  if (resourceId !== undefined) add((place) => `resource = ${place}`, resourceId)
  if (keys) add((place) => `key ${dialect.among('integer', place)}`, dialect.list(keys))
  const some = (state: string) =>
    `select key from sync_event ${index} where ${[...conditions, state].join(' and ')} order by key limit ?3`
  const isOfObject = mapping !== undefined && resourceId !== undefined && !states.includes(STATE.dead)
  const index = isOfObject ? dialect.indexedBy(BY_OBJECT) : ''
  // One part for each state is read from the index in order, and no more of it than is asked for.
  const text =
    mapping !== undefined && resourceId === undefined && !keys
      ? `${states.map((state) => `select key from (${some(`state = ${state}`)}) as part${state}`).join(' union all ')} order by key limit ?3`
      : some(`state in (${states.join(', ')}) and ${states.includes(STATE.dead) ? 'state = 4' : 'state < 4'}`)
  return (yield* all<{ key: number }>(text, values)).map(({ key }) => key)
}
