import { setImmediate as turn } from 'node:timers/promises'
import type { EventClaim } from '../../queue/event-store.ts'
import type { Sealer } from '../runs/sealer.ts'
import type { Database } from '../statements/database.ts'
import type { Dialect } from '../statements/dialect.ts'
import { all, first, run, type Work } from '../statements/work.ts'
import { addToCounts, insertEvents } from './event-insert.ts'
import { ALL_EVENTS, eventLocks } from './event-locks.ts'
import type { EventKeyRecord, EventRecord, NewEventRecord, OutcomeRecord } from './event-record.ts'
import { BY_OBJECT, EVENTS, type EventRow, STATE } from './event-row.ts'
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
    const locks = eventLocks(events.map(({ mapping }) => mapping))
    await this.#db.write(() => insertEvents(this.#db.dialect, this.#sealer, events), { locks })
  }

  /** @param kind whether waiting events or dead letters are meant */
  async page(kind: 'waiting' | 'dead', selection: KeySelection, after: number, limit: number): Promise<EventRecord[]> {
    const states = kind === 'dead' ? DEAD : statesOf(selection)
    const keys = await this.#db.run(selectKeys(this.#db.dialect, selection, states, { after, limit }))
    return this.#db.run(this.#read(keys))
  }

  /** Takes events: some that have failed and are due, then the oldest ones. */
  async acquire(mapping: string, limit: number, node: string): Promise<EventRecord[]> {
    // What is not on the disk after a crash is acquired again.
    const { dialect } = this.#db
    const read = (keys: readonly number[]) => this.#read(keys)
    return this.#db.write(
      function* () {
        // It may have been paused since the caller looked.
        if (yield* first(PAUSED, [mapping])) return []
        const due = yield* all<{ key: number }>(DUE, [mapping, Date.now(), Math.ceil(limit / 2)])
        const fresh = yield* all<{ key: number }>(READY, [mapping, limit - due.length])
        const keys = [...due, ...fresh].map(({ key }) => key)
        if (keys.length > 0) yield* run(acquiring(dialect), [node, dialect.list(keys)])
        return yield* read(keys)
      },
      { isDurable: false, locks: eventLocks([mapping]) },
    )
  }

  async nextRetry(mapping: string): Promise<number | null> {
    return (await this.#db.run(first<{ next: number | null }>(NEXT_RETRY, [mapping])))?.next ?? null
  }

  /** Lets what a process was carrying out wait again, and what was claimed. @returns how many */
  async recover(): Promise<number> {
    const released = await this.releaseClaims(new Date().toISOString())
    const mappings = await this.#db.run(all<{ mapping: string }>('select mapping from sync_queue order by mapping'))
    const recover = function* () {
      let count = released
      for (const { mapping } of mappings) count += yield* run(RECOVER, [mapping])
      return count
    }
    return this.#db.write(recover, { locks: [ALL_EVENTS] })
  }

  async intend(key: number, intents: string | null): Promise<void> {
    await this.#db.write(() => run('update sync_event set intents = ? where key = ?', [intents, key]))
  }

  async intendClaimed({ mapping, claim }: EventClaim, intents: string | null): Promise<void> {
    await this.#db.write(() => run(intendingClaimed(this.#db.dialect), [intents, claim, mapping]))
  }

  /** Of the events of an object, in their order. */
  async intentsOf(mapping: string, resource: string): Promise<{ key: number; intents: string }[]> {
    return this.#db.run(all<{ key: number; intents: string }>(intentsIn(this.#db.dialect), [mapping, resource]))
  }

  /** @param isDurable false: after a power failure the change may be carried out again */
  async endClaim({ mapping, claim }: EventClaim, end: 'done' | 'wait', isDurable: boolean): Promise<void> {
    const { dialect } = this.#db
    const finish = function* () {
      if (end === 'done') yield* run(endingClaim(dialect), [claim, mapping])
      else yield* release(dialect, yield* all<EventKeyRecord>(claimed(dialect), [claim, mapping]))
    }
    await this.#db.write(finish, { isDurable, locks: end === 'done' ? [] : eventLocks([mapping]) })
  }

  /** @param before ISO 8601: younger ones stay. @returns how many */
  async releaseClaims(before: string): Promise<number> {
    const { dialect } = this.#db
    const old = all<EventKeyRecord>
    if ((await this.#db.run(old(oldClaims(dialect), [before]))).length === 0) return 0
    const releaseOld = function* () {
      const rows = yield* old(oldClaims(dialect), [before])
      yield* release(dialect, rows)
      return rows.length
    }
    return this.#db.write(releaseOld, { locks: [ALL_EVENTS] })
  }

  /** @param isDurable false: after a power failure the events may be carried out again */
  async finish(outcomes: readonly OutcomeRecord[], isDurable: boolean): Promise<void> {
    const locks = eventLocks(outcomes.map(({ mapping }) => mapping))
    await this.#db.write(() => this.#finish(outcomes), { isDurable, locks })
  }

  /** @returns how many */
  drop(selection: KeySelection): Promise<number> {
    const { dialect } = this.#db
    return this.#inPieces(selection, IDLE, function* (rows) {
      yield* remove(dialect, rows)
      for (const { mapping, resource } of objectsOf(rows)) yield* arrange(dialect, mapping, resource)
    })
  }

  dropDead(selection: KeySelection): Promise<number> {
    return this.#inPieces(selection, DEAD, (rows) => remove(this.#db.dialect, rows))
  }

  revive(selection: KeySelection): Promise<number> {
    const { dialect } = this.#db
    return this.#inPieces(selection, DEAD, function* (rows) {
      yield* run(reviving(dialect), [dialect.list(rows.map(({ key }) => key))])
      for (const [mapping, { length }] of Map.groupBy(rows, (row) => row.mapping))
        yield* addToCounts(mapping, length, -length)
      for (const { mapping, resource } of objectsOf(rows)) yield* arrange(dialect, mapping, resource)
    })
  }

  *#finish(outcomes: readonly OutcomeRecord[]): Work<void> {
    for (const { key, mapping, resource, result, notBefore, attempts, error } of outcomes) {
      const sealed = error === null ? null : this.#sealer.seal(EVENTS, 'lastError', key, error)
      if (result === 'retry') {
        yield* run(RETRY, [notBefore, attempts, sealed, key])
        continue
      }
      const changed =
        result === 'done'
          ? yield* run('delete from sync_event where key = ?', [key])
          : yield* run(GIVE_UP, [new Date().toISOString(), attempts, sealed, key])
      if (changed > 0) yield* addToCounts(mapping, -1, result === 'dead' ? 1 : 0)
      yield* run(promoting(this.#db.dialect), [mapping, resource])
    }
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
    return rows.map((row) => {
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
    })
  }
}

const LAST_KEY = 'select max(key) as last from sync_event'
const intentsIn = ({ indexedBy }: Dialect) => `select key, intents from sync_event ${indexedBy('sync_event_in_doubt')}
  where mapping = ? and resource = ? and intents is not null order by key`
const byClaim = ({ indexedBy }: Dialect) => indexedBy('sync_event_claims')
const CLAIM = `state = ${STATE.claimed} and node = ? and mapping = ?`
const claimed = (dialect: Dialect) => `select key, mapping, resource from sync_event ${byClaim(dialect)} where ${CLAIM}`
const oldClaims = (dialect: Dialect) => `select key, mapping, resource from sync_event ${byClaim(dialect)}
  where state = ${STATE.claimed} and created <= ? order by key`
const intendingClaimed = (dialect: Dialect) => `update sync_event ${byClaim(dialect)} set intents = ? where ${CLAIM}`
const endingClaim = (dialect: Dialect) => `delete from sync_event ${byClaim(dialect)} where ${CLAIM}`
const RELEASE = `update sync_event set state = ${STATE.behind}, node = null where key = ?`
const rowsIn = ({ each, lookUp }: Dialect) =>
  `select e.* from ${each('integer')} ${lookUp('sync_event as e', 'e.key = wanted.value')} order by wanted.place`
const keysIn = ({ each, lookUp }: Dialect) => `select e.key, e.mapping, e.resource
  from ${each('integer')} ${lookUp('sync_event as e', 'e.key = wanted.value')} order by e.key`
const DUE = `select key from sync_event
  where mapping = ? and state = ${STATE.retry} and not_before <= ? order by not_before limit ?`
const READY = `select key from sync_event where mapping = ? and state = ${STATE.ready} order by key limit ?`
const PAUSED = 'select 1 from sync_queue where mapping = ? and pause is not null'
const acquiring = ({ among }: Dialect) =>
  `update sync_event set state = ${STATE.acquired}, node = ? where key ${among('integer')}`
const NEXT_RETRY = `select min(not_before) as next from sync_event where mapping = ? and state = ${STATE.retry}`
const RECOVER = `update sync_event set state = ${STATE.ready}, node = null where mapping = ? and state = ${STATE.acquired}`
const RETRY = `update sync_event set state = ${STATE.retry}, not_before = ?, attempts = ?, last_error = ?, node = null
  where key = ?`
const GIVE_UP = `update sync_event set state = ${STATE.dead}, ended = ?, attempts = ?, last_error = ?, node = null where key = ?`
const reviving = ({ among }: Dialect) => `update sync_event
  set state = ${STATE.behind}, ended = null, attempts = 0, not_before = 0 where key ${among('integer')}`

const oldest = ({ indexedBy }: Dialect) =>
  `select min(key) from sync_event ${indexedBy(BY_OBJECT)} where mapping = ?1 and resource = ?2 and state < 4`
const promoting = (dialect: Dialect) =>
  `update sync_event set state = ${STATE.ready} where key = (${oldest(dialect)}) and state = ${STATE.behind}`
const demoting = (dialect: Dialect) => `update sync_event ${dialect.indexedBy(BY_OBJECT)} set state = ${STATE.behind}
  where mapping = ?1 and resource = ?2 and state < 4
    and state in (${STATE.ready}, ${STATE.retry}) and key > (${oldest(dialect)})`
const taken = ({ indexedBy }: Dialect) => `select 1 from sync_event ${indexedBy(BY_OBJECT)}
  where mapping = ? and resource = ? and state < 4 and state = ${STATE.acquired} limit 1`

/** Lets the oldest event of an object be the next one, unless one of them is being carried out. */
function* arrange(dialect: Dialect, mapping: string, resource: string): Work<void> {
  if (yield* first(taken(dialect), [mapping, resource])) return
  yield* run(demoting(dialect), [mapping, resource])
  yield* run(promoting(dialect), [mapping, resource])
}

/** Lets claimed events wait in their order. */
function* release(dialect: Dialect, rows: readonly EventKeyRecord[]): Work<void> {
  for (const { key, mapping, resource } of rows) {
    yield* run(RELEASE, [key])
    yield* addToCounts(mapping, 1, 0)
    yield* arrange(dialect, mapping, resource)
  }
}

/** Each object once. */
const objectsOf = (rows: readonly EventKeyRecord[]): readonly EventKeyRecord[] => [
  ...new Map(rows.map((row) => [JSON.stringify([row.mapping, row.resource]), row])).values(),
]

function* remove(dialect: Dialect, rows: readonly EventKeyRecord[]): Work<void> {
  const text = `delete from sync_event where key ${dialect.among('integer')} returning mapping, state`
  const removed = yield* all<Pick<EventRow, 'mapping' | 'state'>>(text, [dialect.list(rows.map(({ key }) => key))])
  for (const [mapping, own] of Map.groupBy(removed, (row) => row.mapping)) {
    const dead = own.filter(({ state }) => state === STATE.dead).length
    yield* addToCounts(mapping, dead - own.length, -dead)
  }
}
