import { canMerge } from '../../queue/event.ts'
import type { Sealer } from '../runs/sealer.ts'
import type { Dialect } from '../statements/dialect.ts'
import { insertRows, updateRows } from '../statements/insert-rows.ts'
import { all, aside, type Work } from '../statements/work.ts'
import { addToCounts } from './event-counts.ts'
import { type EventPlace, placeKey } from './event-locks.ts'
import { keyOfObject, pairsOf } from './event-order.ts'
import type { NewEventRecord } from './event-record.ts'
import { EVENTS, type EventRow, STATE } from './event-row.ts'

/** Stores events in the transaction of the caller, which holds `eventLocks`. Their data key has to be ready: see
 * `RunKeys.prepareEvents`. */
export function* insertEvents(dialect: Dialect, sealer: Sealer, events: readonly NewEventRecord[]): Work<void> {
  const places = new Map(events.filter(isWaiting).map((event) => [placeKey(event), event]))
  const last = places.size > 0 ? yield* lastEvents(dialect, [...places.values()]) : []
  const { drafts, merges } = planOf(events, last)
  if (merges.size > 0) yield* merge(dialect, sealer, merges)
  if (drafts.length > 0) yield* insert(dialect, sealer, drafts)
  const added = drafts.filter(({ event }) => isWaiting(event))
  yield* addToCounts(
    dialect,
    added.map(({ event: { mapping } }) => ({ mapping, waiting: 1, dead: 0 })),
  )
}

const isWaiting = ({ claim }: NewEventRecord): boolean => claim === null

/** An event that is to be inserted. */
interface Draft {
  event: NewEventRecord
  readonly state: number
}

type Stored = Pick<EventRow, 'key' | 'mapping' | 'resource' | 'state' | 'action'>

/** What becomes of events: rows, and by their keys rows that others are merged into. */
interface InsertPlan {
  readonly drafts: readonly Draft[]
  readonly merges: ReadonlyMap<number, NewEventRecord>
}

function planOf(events: readonly NewEventRecord[], stored: readonly Stored[]): InsertPlan {
  const last = new Map<string, Stored | Draft>(stored.map((row) => [placeKey(row), row]))
  const drafts: Draft[] = []
  const merges = new Map<number, NewEventRecord>()
  for (const event of events) {
    const place = placeKey(event)
    const before = isWaiting(event) ? last.get(place) : undefined
    if (before && isOpenFor(before, event)) {
      if ('key' in before) merges.set(before.key, event)
      else before.event = { ...before.event, ...changeOf(event) }
      continue
    }
    const draft = { event, state: !isWaiting(event) ? STATE.claimed : before ? STATE.behind : STATE.ready }
    drafts.push(draft)
    if (isWaiting(event)) last.set(place, draft)
  }
  return { drafts, merges }
}

const isOpenFor = (before: Stored | Draft, { action }: NewEventRecord): boolean =>
  before.state !== STATE.acquired && canMerge('key' in before ? before.action : before.event.action, action)

/** What an event that is merged into another one changes of that. */
const changeOf = ({ revision, after, chain, transaction, user }: NewEventRecord) =>
  ({ revision, after, chain, transaction, user }) satisfies Partial<NewEventRecord>

/** The last event of each object. Nobody takes it while the transaction goes on. */
const lastEvents = (dialect: Dialect, places: readonly EventPlace[]): Work<Stored[]> =>
  all<Stored>(lastOf(dialect), pairsOf(dialect, places))

const lastOf = (dialect: Dialect) => `select key, mapping, resource, state, action from sync_event
  where key in (select ${keyOfObject(dialect, 'max')} from ${dialect.eachPair})${dialect.forUpdate}`

const INSERT = `insert into sync_event (created, key, state, mapping, collection, resource, action, revision, old_object,
  new_object, chain, transaction_id, user_id, node)`

function* insert(dialect: Dialect, sealer: Sealer, drafts: readonly Draft[]): Work<void> {
  const keys = yield* dialect.nextKeys('sync_event', drafts.length)
  const values = drafts.flatMap(({ event, state }, index) => {
    const { mapping, collection, resource, action, revision, before, after, chain, transaction, user, claim } = event
    const key = keys[index] ?? 1
    const old = before === null ? null : sealer.seal(EVENTS, 'oldObject', key, before)
    const fresh = after === null ? null : sealer.seal(EVENTS, 'newObject', key, after)
    return [key, state, mapping, collection, resource, action, revision, old, fresh, chain, transaction, user, claim]
  })
  const rows = { width: values.length / drafts.length, values }
  yield* aside(insertRows(dialect, INSERT, [new Date().toISOString()], rows))
}

/** A new change may cure what made the event fail. */
const MERGE = [
  `update sync_event set revision = v.column2, new_object = v.column3, chain = v.column4, transaction_id = v.column5,
    user_id = v.column6, state = case state when ${STATE.retry} then ${STATE.ready} else state end,
    attempts = 0, not_before = 0, last_error = null from`,
  'where key = v.column1',
] as const
const MERGE_TYPES = ['integer', 'text', 'bytes', 'text', 'text', 'text'] as const

function* merge(dialect: Dialect, sealer: Sealer, merges: ReadonlyMap<number, NewEventRecord>): Work<void> {
  const values = [...merges].flatMap(([key, { revision, after, chain, transaction, user }]) => {
    const fresh = after === null ? null : sealer.seal(EVENTS, 'newObject', key, after)
    return [key, revision, fresh, chain, transaction, user]
  })
  yield* aside(updateRows(dialect, MERGE, [], values, MERGE_TYPES))
}
