import { canMerge } from '../../queue/event.ts'
import type { Sealer } from '../runs/sealer.ts'
import type { Dialect } from '../statements/dialect.ts'
import { first, run, type Work } from '../statements/work.ts'
import type { NewEventRecord } from './event-record.ts'
import { BY_OBJECT, EVENTS, type EventRow, STATE } from './event-row.ts'

/** Stores events in the transaction of the caller, which holds `eventLocks`. Their data key has to be ready: see
 * `RunKeys.prepareEvents`. */
export function* insertEvents(dialect: Dialect, sealer: Sealer, events: readonly NewEventRecord[]): Work<void> {
  const created = new Date().toISOString()
  const added = new Map<string, number>()
  for (const event of events) {
    if (event.claim !== null) {
      yield* insert(dialect, sealer, event, { created, state: STATE.claimed })
      continue
    }
    const last = yield* first<LastEvent>(lastOf(dialect), [event.mapping, event.resource])
    if (last && last.state !== STATE.acquired && canMerge(last.action, event.action)) {
      yield* merge(sealer, last, event)
      continue
    }
    yield* insert(dialect, sealer, event, { created, state: last ? STATE.behind : STATE.ready })
    added.set(event.mapping, (added.get(event.mapping) ?? 0) + 1)
  }
  for (const [mapping, count] of [...added].sort()) yield* addToCounts(mapping, count, 0)
}

/** Changes what is kept of how many events a mapping has: to count a million of them takes long. */
export const addToCounts = (mapping: string, waiting: number, dead: number): Work<number> =>
  run(COUNT, [mapping, waiting, dead])

type LastEvent = Pick<EventRow, 'key' | 'state' | 'action'>

const lastOf = ({ indexedBy }: Dialect) => `select key, state, action from sync_event ${indexedBy(BY_OBJECT)}
  where mapping = ? and resource = ? and state < 4 order by key desc limit 1`

const INSERT = `insert into sync_event
  (key, mapping, collection, resource, action, state, created, revision, old_object, new_object, chain, transaction_id, user_id, node)
  values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** A new change may cure what made the event fail. */
const MERGE = `update sync_event set revision = ?, new_object = ?, chain = ?, transaction_id = ?, user_id = ?,
  state = case state when ${STATE.retry} then ${STATE.ready} else state end, attempts = 0, not_before = 0, last_error = null
  where key = ?`

const COUNT = `insert into sync_queue (mapping, waiting, dead) values (?1, ?2, ?3)
  on conflict (mapping) do update set waiting = sync_queue.waiting + ?2, dead = sync_queue.dead + ?3`

function* insert(
  dialect: Dialect,
  sealer: Sealer,
  event: NewEventRecord,
  { created, state }: { readonly created: string; readonly state: number },
): Work<void> {
  const [key = 1] = yield* dialect.nextKeys('sync_event', 1)
  const { mapping, collection, resource, action, revision, before, after, chain, transaction, user, claim } = event
  const old = before === null ? null : sealer.seal(EVENTS, 'oldObject', key, before)
  const fresh = after === null ? null : sealer.seal(EVENTS, 'newObject', key, after)
  const row = [key, mapping, collection, resource, action, state, created, revision, old, fresh]
  yield* run(INSERT, [...row, chain, transaction, user, claim])
}

function* merge(sealer: Sealer, { key }: LastEvent, event: NewEventRecord): Work<void> {
  const { revision, after, chain, transaction, user } = event
  const fresh = after === null ? null : sealer.seal(EVENTS, 'newObject', key, after)
  yield* run(MERGE, [revision, fresh, chain, transaction, user, key])
}
