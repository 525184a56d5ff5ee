import { canMerge } from '../../queue/event.ts'
import type { Session } from '../database/session.ts'
import type { Sealer } from '../runs/sealer.ts'
import type { NewEventRecord } from './event-record.ts'
import { BY_OBJECT, EVENTS, type EventRow, STATE } from './event-row.ts'

/** Stores events in the transaction of the caller. Their data key has to be ready: see
 * `RunKeys.prepareEvents`. */
export function insertEvents(session: Session, sealer: Sealer, events: readonly NewEventRecord[]): void {
  const created = new Date().toISOString()
  const added = new Map<string, number>()
  for (const event of events) {
    if (event.claim !== null) {
      insert(session, sealer, event, { created, state: STATE.claimed })
      continue
    }
    const [last] = session.all<LastEvent>(LAST, [event.mapping, event.resource])
    if (last && last.state !== STATE.acquired && canMerge(last.action, event.action)) {
      merge(session, sealer, last, event)
      continue
    }
    insert(session, sealer, event, { created, state: last ? STATE.behind : STATE.ready })
    added.set(event.mapping, (added.get(event.mapping) ?? 0) + 1)
  }
  for (const [mapping, count] of added) addToCounts(session, mapping, count, 0)
}

/** Changes what is kept of how many events a mapping has: to count a million of them takes long. */
export const addToCounts = (session: Session, mapping: string, waiting: number, dead: number): number =>
  session.run(COUNT, [mapping, waiting, dead])

type LastEvent = Pick<EventRow, 'key' | 'state' | 'action'>

const LAST = `select key, state, action from sync_event ${BY_OBJECT}
  where mapping = ? and resource = ? and state < 4 order by key desc limit 1`

const NEXT_KEY = `select coalesce((select seq from sqlite_sequence where name = 'sync_event'), 0) + 1 as key`

const INSERT = `insert into sync_event
  (key, mapping, collection, resource, action, state, created, revision, old_object, new_object, chain, transaction_id, user_id, node)
  values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** A new change may cure what made the event fail. */
const MERGE = `update sync_event set revision = ?, new_object = ?, chain = ?, transaction_id = ?, user_id = ?,
  state = case state when ${STATE.retry} then ${STATE.ready} else state end, attempts = 0, not_before = 0, last_error = null
  where key = ?`

const COUNT = `insert into sync_queue (mapping, waiting, dead) values (?1, ?2, ?3)
  on conflict (mapping) do update set waiting = waiting + ?2, dead = dead + ?3`

function insert(
  session: Session,
  sealer: Sealer,
  event: NewEventRecord,
  { created, state }: { readonly created: string; readonly state: number },
): void {
  const key = session.all<{ key: number }>(NEXT_KEY)[0]?.key ?? 1
  const { mapping, collection, resource, action, revision, before, after, chain, transaction, user, claim } = event
  const old = before === null ? null : sealer.seal(EVENTS, 'oldObject', key, before)
  const fresh = after === null ? null : sealer.seal(EVENTS, 'newObject', key, after)
  const row = [key, mapping, collection, resource, action, state, created, revision, old, fresh]
  session.run(INSERT, [...row, chain, transaction, user, claim])
}

function merge(session: Session, sealer: Sealer, { key }: LastEvent, event: NewEventRecord): void {
  const { revision, after, chain, transaction, user } = event
  const fresh = after === null ? null : sealer.seal(EVENTS, 'newObject', key, after)
  session.run(MERGE, [revision, fresh, chain, transaction, user, key])
}
