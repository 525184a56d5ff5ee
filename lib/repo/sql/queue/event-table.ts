import { setImmediate as turn } from 'node:timers/promises'
import type { EventClaim } from '../../queue/event-store.ts'
import type { Sealer } from '../runs/sealer.ts'
import type { Database } from '../statements/database.ts'
import type { Dialect } from '../statements/dialect.ts'
import { all, aside, first, run, type Work } from '../statements/work.ts'
import { addToCounts } from './event-counts.ts'
import { finishEvents } from './event-finish.ts'
import { insertEvents } from './event-insert.ts'
import { ALL_EVENTS, eventLocks, mappingLocks, SOME_EVENTS } from './event-locks.ts'
import { arrange } from './event-order.ts'
import type { EventKeyRecord, EventRecord, NewEventRecord, OutcomeRecord } from './event-record.ts'
import { type EventRow, STATE } from './event-row.ts'
import { DEAD, IDLE, type KeySelection, selectKeys, statesOf } from './event-selection.ts'

/** Rows that one transaction removes or revives. */
const AT_ONCE = 2000

/** Events of queued synchronization, with what is JSON as text. */
export class EventTable {
  readonly #db: Database
  readonly #sealer: Sealer

  constructor(db: Database, sealer: Sealer) {
    this.#db = db
    this.#sealer = sealer
  }

  async add(events: readonly NewEventRecord[]): Promise<void> {
    const locks = eventLocks(events)
    await this.#db.write(() => insertEvents(this.#db.dialect, this.#sealer, events), { locks })
  }

  /** @param kind whether waiting events or dead letters are meant */
  async page(kind: 'waiting' | 'dead', selection: KeySelection, after: number, limit: number): Promise<EventRecord[]> {
    const states = kind === 'dead' ? DEAD : statesOf(selection)
    const keys = await this.#db.run(selectKeys(this.#db.dialect, selection, states, { after, limit }))
    return this.#db.run(this.#read(keys))
  }

  /** Takes events: some that have failed and are due, then the oldest ones. Several may do it at the same time. */
  async acquire(mapping: string, limit: number, node: string): Promise<EventRecord[]> {
    const { dialect } = this.#db
    const [due, ready, acquire] = [dueOf(dialect), readyOf(dialect), acquiring(dialect)]
    const rows = await this.#db.write(
      function* () {
        // It may have been paused since the caller looked.
        if (yield* first(PAUSED, [mapping])) return []
        const failed = yield* all<{ key: number }>(due, [mapping, Date.now(), Math.ceil(limit / 2)])
        const fresh = yield* all<{ key: number }>(ready, [mapping, limit - failed.length])
        const keys = [...failed, ...fresh].map(({ key }) => key)
        if (keys.length === 0) return []
        const taken = yield* all<EventRow>(acquire, [node, Date.now(), dialect.list(keys)])
        const places = new Map(keys.map((key, place) => [key, place]))
        return taken.sort((one, other) => (places.get(one.key) ?? 0) - (places.get(other.key) ?? 0))
      },
      // What is not on the disk after a crash is acquired again.
      { isDurable: false, locks: [SOME_EVENTS] },
    )
    return rows.map((row) => this.#unsealed(row))
  }

  async nextRetry(mapping: string): Promise<number | null> {
    return (await this.#db.run(first<{ next: number | null }>(NEXT_RETRY, [mapping])))?.next ?? null
  }

  /**
   * Lets what was being carried out wait again; what is claimed stays.
   * @param node who carried it out; without it: all
   * @returns how many
   */
  async recover(node?: string): Promise<number> {
    if (node !== undefined) return this.#db.write(() => run(RECOVER_OF, [node]), { locks: [ALL_EVENTS] })
    const { eventCounts } = this.#db.dialect
    const names = `select mapping from ${eventCounts} as counts order by mapping`
    const mappings = await this.#db.run(all<{ mapping: string }>(names))
    const recover = function* () {
      let count = 0
      for (const { mapping } of mappings) count += yield* run(RECOVER, [mapping])
      return count
    }
    return this.#db.write(recover, { locks: [ALL_EVENTS] })
  }

  async intend(key: number, intents: string | null): Promise<void> {
    await this.#db.write(() => aside(run('update sync_event set intents = ? where key = ?', [intents, key])))
  }

  async intendClaimed({ mapping, claim }: EventClaim, intents: string | null): Promise<void> {
    await this.#db.write(() => aside(run(intendingClaimed(this.#db.dialect), [intents, claim, mapping])))
  }

  /** Of the events of an object, or of all objects, in their order. */
  async intentsOf(mapping: string, resource?: string): Promise<IntentRecord[]> {
    const only = resource === undefined ? [] : [resource]
    return this.#db.run(all<IntentRecord>(intentsIn(this.#db.dialect, only.length > 0), [mapping, ...only]))
  }

  /** @param isDurable false: after a power failure the change may be carried out again */
  async endClaim({ mapping, claim }: EventClaim, end: 'done' | 'wait', isDurable: boolean): Promise<void> {
    const { dialect } = this.#db
    const finish = function* () {
      if (end === 'done') yield* aside(run(endingClaim(dialect), [claim, mapping]))
      else yield* release(dialect, yield* all<EventKeyRecord>(claimed(dialect), [claim, mapping]))
    }
    await this.#db.write(finish, { isDurable, locks: end === 'done' ? [] : mappingLocks(mapping) })
  }

  /** @param created of its oldest event */
  async claims(): Promise<{ claim: string; created: string }[]> {
    return this.#db.run(all<{ claim: string; created: string }>(claims(this.#db.dialect)))
  }

  /** @returns how many */
  async releaseClaims(claims: readonly string[]): Promise<number> {
    const { dialect } = this.#db
    const releaseThem = function* () {
      const rows = yield* all<EventKeyRecord>(amongClaims(dialect), [dialect.list(claims)])
      yield* release(dialect, rows)
      return rows.length
    }
    return this.#db.write(releaseThem, { locks: [ALL_EVENTS] })
  }

  /** @param isDurable false: after a power failure the events may be carried out again */
  async finish(outcomes: readonly OutcomeRecord[], isDurable: boolean): Promise<void> {
    await this.#db.write(() => finishEvents(this.#db.dialect, this.#sealer, outcomes), {
      isDurable,
      locks: eventLocks(outcomes),
    })
  }

  /** @returns how many */
  drop(selection: KeySelection): Promise<number> {
    const { dialect } = this.#db
    return this.#inPieces(selection, IDLE, function* (rows) {
      yield* remove(dialect, rows)
      yield* arrange(dialect, rows)
    })
  }

  dropDead(selection: KeySelection): Promise<number> {
    return this.#inPieces(selection, DEAD, (rows) => remove(this.#db.dialect, rows))
  }

  revive(selection: KeySelection): Promise<number> {
    const { dialect } = this.#db
    return this.#inPieces(selection, DEAD, function* (rows) {
      yield* run(reviving(dialect), [dialect.list(rows.map(({ key }) => key))])
      yield* arrange(dialect, rows)
      yield* addToCounts(
        dialect,
        rows.map(({ mapping }) => ({ mapping, waiting: 1, dead: -1 })),
      )
    })
  }

  /** In transactions with other work in between; events that are added meanwhile stay. */
  async #inPieces(
    selection: KeySelection,
    states: readonly number[],
    change: (rows: readonly EventKeyRecord[]) => Work<void>,
  ): Promise<number> {
    const { dialect } = this.#db
    const last = (await this.#db.run(first<{ last: number | null }>(LAST_KEY)))?.last ?? 0
    for (let [after, count] = [0, 0]; ; await turn()) {
      const begin = after
      const piece = function* () {
        const keys = yield* selectKeys(dialect, selection, states, { after: begin, last, limit: AT_ONCE })
        const found = yield* all<EventKeyRecord>(keysIn(dialect), [dialect.list(keys)])
        if (found.length > 0) yield* change(found)
        return found
      }
      const rows = await this.#db.write(piece, { locks: [ALL_EVENTS] })
      count += rows.length
      after = rows.at(-1)?.key ?? after
      if (rows.length < AT_ONCE) return count
    }
  }

  *#read(keys: readonly number[]): Work<EventRecord[]> {
    if (keys.length === 0) return []
    const { dialect } = this.#db
    const rows = yield* all<EventRow>(rowsIn(dialect), [dialect.list(keys)])
    return rows.map((row) => this.#unsealed(row))
  }

  #unsealed(row: EventRow): EventRecord {
    const { old_object: old, new_object: fresh, last_error: error } = row
    const unseal = this.#sealer.unseal.bind(this.#sealer)
    try {
      return {
        ...row,
        old_object: unseal('oldObject', row.key, old),
        new_object: unseal('newObject', row.key, fresh),
        last_error: unseal('lastError', row.key, error),
        fault: null,
      }
    } catch (failure) {
      return { ...row, old_object: null, new_object: null, last_error: null, fault: (failure as Error).message }
    }
  }
}

const LAST_KEY = 'select max(key) as last from sync_event'
type IntentRecord = Pick<EventRow, 'key' | 'resource'> & { readonly intents: string }

const intentsIn = ({ indexedBy }: Dialect, isOfOne: boolean) => `select key, resource, intents
  from sync_event ${indexedBy('sync_event_in_doubt')}
  where mapping = ? ${isOfOne ? 'and resource = ? ' : ''}and intents is not null order by key`
const byClaim = ({ indexedBy }: Dialect) => indexedBy('sync_event_claims')
const CLAIM = `state = ${STATE.claimed} and node = ? and mapping = ?`
const claimed = (dialect: Dialect) => `select key, mapping, resource from sync_event ${byClaim(dialect)} where ${CLAIM}`
const claims = (dialect: Dialect) => `select node as claim, min(created) as created from sync_event ${byClaim(dialect)}
  where state = ${STATE.claimed} group by node`
const amongClaims = (dialect: Dialect) => `select key, mapping, resource from sync_event ${byClaim(dialect)}
  where state = ${STATE.claimed} and node ${dialect.among('text')} order by key`
const intendingClaimed = (dialect: Dialect) => `update sync_event ${byClaim(dialect)} set intents = ? where ${CLAIM}`
const endingClaim = (dialect: Dialect) => `delete from sync_event ${byClaim(dialect)} where ${CLAIM}`
const rowsIn = ({ each, lookUp }: Dialect) =>
  `select e.* from ${each('integer')} ${lookUp('sync_event as e', 'e.key = wanted.value')} order by wanted.place`
const keysIn = ({ each, lookUp }: Dialect) => `select e.key, e.mapping, e.resource
  from ${each('integer')} ${lookUp('sync_event as e', 'e.key = wanted.value')} order by e.key`
const dueOf = ({ forUpdateOfFree }: Dialect) => `select key from sync_event
  where mapping = ? and state = ${STATE.retry} and not_before <= ? order by not_before limit ?${forUpdateOfFree}`
const readyOf = ({ forUpdateOfFree }: Dialect) => `select key from sync_event
  where mapping = ? and state = ${STATE.ready} order by key limit ?${forUpdateOfFree}`
const PAUSED = 'select 1 from sync_queue where mapping = ? and pause is not null'
const acquiring = ({ among }: Dialect) =>
  `update sync_event set state = ${STATE.acquired}, node = ?, taken = ? where key ${among('integer')} returning *`
const NEXT_RETRY = `select min(not_before) as next from sync_event where mapping = ? and state = ${STATE.retry}`
const RECOVERING = `update sync_event set state = ${STATE.ready}, node = null, taken = null where state = ${STATE.acquired}`
const RECOVER = `${RECOVERING} and mapping = ?`
const RECOVER_OF = `${RECOVERING} and node = ?`
const reviving = ({ among }: Dialect) => `update sync_event
  set state = ${STATE.behind}, ended = null, attempts = 0, not_before = 0 where key ${among('integer')}`
const releasing = ({ among }: Dialect) =>
  `update sync_event set state = ${STATE.behind}, node = null where key ${among('integer')}`

/** Lets claimed events wait in their order. */
function* release(dialect: Dialect, rows: readonly EventKeyRecord[]): Work<void> {
  if (rows.length === 0) return
  yield* run(releasing(dialect), [dialect.list(rows.map(({ key }) => key))])
  yield* arrange(dialect, rows)
  yield* addToCounts(
    dialect,
    rows.map(({ mapping }) => ({ mapping, waiting: 1, dead: 0 })),
  )
}

function* remove(dialect: Dialect, rows: readonly EventKeyRecord[]): Work<void> {
  const text = `delete from sync_event where key ${dialect.among('integer')} returning mapping, state`
  const removed = yield* all<Pick<EventRow, 'mapping' | 'state'>>(text, [dialect.list(rows.map(({ key }) => key))])
  const changeOf = ({ mapping, state }: Pick<EventRow, 'mapping' | 'state'>) =>
    state === STATE.dead ? { mapping, waiting: 0, dead: -1 } : { mapping, waiting: -1, dead: 0 }
  yield* addToCounts(dialect, removed.map(changeOf))
}
