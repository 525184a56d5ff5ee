import { setImmediate as turn } from 'node:timers/promises'
import type { EventClaim } from '../../queue/event-store.ts'
import type { Session } from '../database/session.ts'
import type { WriteQueue } from '../database/write-queue.ts'
import type { Sealer } from '../runs/sealer.ts'
import { addToCounts, insertEvents } from './event-insert.ts'
import type { EventKeyRecord, EventRecord, NewEventRecord, OutcomeRecord } from './event-record.ts'
import { BY_OBJECT, EVENTS, type EventRow, STATE } from './event-row.ts'
import { DEAD, IDLE, type KeySelection, selectKeys, statesOf } from './event-selection.ts'

export interface EventTableOptions {
  readonly session: Session
  readonly writes: WriteQueue
  readonly sealer: Sealer
}

/** Rows that one transaction removes or revives. */
const AT_ONCE = 2000

/** Events of queued synchronization, with what is JSON as text. */
export class EventTable {
  readonly #session: Session
  readonly #writes: WriteQueue
  readonly #sealer: Sealer

  constructor({ session, writes, sealer }: EventTableOptions) {
    this.#session = session
    this.#writes = writes
    this.#sealer = sealer
  }

  async add(events: readonly NewEventRecord[]): Promise<void> {
    await this.#writes.run((session) => insertEvents(session, this.#sealer, events))
  }

  /** @param kind whether waiting events or dead letters are meant */
  async page(kind: 'waiting' | 'dead', selection: KeySelection, after: number, limit: number): Promise<EventRecord[]> {
    const states = kind === 'dead' ? DEAD : statesOf(selection)
    return this.#read(this.#session, selectKeys(this.#session, selection, states, { after, limit }))
  }

  /** Takes events: some that have failed and are due, then the oldest ones. */
  async acquire(mapping: string, limit: number, node: string): Promise<EventRecord[]> {
    // What is not on the disk after a crash is acquired again.
    return this.#writes.run(
      (session) => {
        // It may have been paused since the caller looked.
        if (session.all(PAUSED, [mapping]).length > 0) return []
        const due = session.all<{ key: number }>(DUE, [mapping, Date.now(), Math.ceil(limit / 2)])
        const fresh = session.all<{ key: number }>(READY, [mapping, limit - due.length])
        const keys = [...due, ...fresh].map(({ key }) => key)
        if (keys.length > 0) session.run(ACQUIRE, [node, JSON.stringify(keys)])
        return this.#read(session, keys)
      },
      { isDurable: false },
    )
  }

  async nextRetry(mapping: string): Promise<number | null> {
    return this.#session.all<{ next: number | null }>(NEXT_RETRY, [mapping])[0]?.next ?? null
  }

  /** Lets what a process was carrying out wait again, and what was claimed. @returns how many */
  async recover(): Promise<number> {
    const released = await this.releaseClaims(new Date().toISOString())
    const mappings = this.#session.all<{ mapping: string }>('select mapping from sync_queue')
    return this.#writes.run((session) => {
      let count = released
      for (const { mapping } of mappings) count += session.run(RECOVER, [mapping])
      return count
    })
  }

  async intend(key: number, intents: string | null): Promise<void> {
    await this.#writes.run((session) => session.run('update sync_event set intents = ? where key = ?', [intents, key]))
  }

  async intendClaimed({ mapping, claim }: EventClaim, intents: string | null): Promise<void> {
    await this.#writes.run((session) => session.run(INTEND_CLAIMED, [intents, claim, mapping]))
  }

  /** Of the events of an object, in their order. */
  async intentsOf(mapping: string, resource: string): Promise<{ key: number; intents: string }[]> {
    return this.#session.all(INTENTS, [mapping, resource])
  }

  /** @param isDurable false: after a power failure the change may be carried out again */
  async endClaim({ mapping, claim }: EventClaim, end: 'done' | 'wait', isDurable: boolean): Promise<void> {
    await this.#writes.run(
      (session) => {
        if (end === 'done') session.run(END_CLAIM, [claim, mapping])
        else release(session, session.all<EventKeyRecord>(CLAIMED, [claim, mapping]))
      },
      { isDurable },
    )
  }

  /** @param before ISO 8601: younger ones stay. @returns how many */
  async releaseClaims(before: string): Promise<number> {
    if (this.#session.all(OLD_CLAIMS, [before]).length === 0) return 0
    return this.#writes.run((session) => {
      const rows = session.all<EventKeyRecord>(OLD_CLAIMS, [before])
      release(session, rows)
      return rows.length
    })
  }

  /** @param isDurable false: after a power failure the events may be carried out again */
  async finish(outcomes: readonly OutcomeRecord[], isDurable: boolean): Promise<void> {
    await this.#writes.run((session) => this.#finish(session, outcomes), { isDurable })
  }

  /** @returns how many */
  drop(selection: KeySelection): Promise<number> {
    return this.#inPieces(selection, IDLE, (session, rows) => {
      remove(session, rows)
      for (const { mapping, resource } of rows) arrange(session, mapping, resource)
    })
  }

  dropDead(selection: KeySelection): Promise<number> {
    return this.#inPieces(selection, DEAD, (session, rows) => remove(session, rows))
  }

  revive(selection: KeySelection): Promise<number> {
    return this.#inPieces(selection, DEAD, (session, rows) => {
      session.run(REVIVE, [JSON.stringify(rows.map(({ key }) => key))])
      for (const { mapping, resource } of rows) {
        addToCounts(session, mapping, 1, -1)
        arrange(session, mapping, resource)
      }
    })
  }

  #finish(session: Session, outcomes: readonly OutcomeRecord[]): void {
    for (const { key, mapping, resource, result, notBefore, attempts, error } of outcomes) {
      const sealed = error === null ? null : this.#sealer.seal(EVENTS, 'lastError', key, error)
      if (result === 'retry') {
        session.run(RETRY, [notBefore, attempts, sealed, key])
        continue
      }
      const changed =
        result === 'done'
          ? session.run('delete from sync_event where key = ?', [key])
          : session.run(GIVE_UP, [new Date().toISOString(), attempts, sealed, key])
      if (changed > 0) addToCounts(session, mapping, -1, result === 'dead' ? 1 : 0)
      session.run(PROMOTE, [mapping, resource])
    }
  }

  /** In transactions with other work in between; events that are added meanwhile stay. */
  async #inPieces(
    selection: KeySelection,
    states: readonly number[],
    change: (session: Session, rows: readonly EventKeyRecord[]) => void,
  ): Promise<number> {
    const [{ last = 0 } = {}] = this.#session.all<{ last: number }>('select max(key) as last from sync_event')
    for (let [after, count] = [0, 0]; ; await turn()) {
      const rows = await this.#writes.run((session) => {
        const keys = selectKeys(session, selection, states, { after, last, limit: AT_ONCE })
        const found = session.all<EventKeyRecord>(KEYS, [JSON.stringify(keys)])
        if (found.length > 0) change(session, found)
        return found
      })
      count += rows.length
      after = rows.at(-1)?.key ?? after
      if (rows.length < AT_ONCE) return count
    }
  }

  #read(session: Session, keys: readonly number[]): EventRecord[] {
    if (keys.length === 0) return []
    const rows = session.all<EventRow>(ROWS, [JSON.stringify(keys)])
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

const INTENTS = `select key, intents from sync_event indexed by sync_event_in_doubt
  where mapping = ? and resource = ? and intents is not null order by key`
const CLAIM = `indexed by sync_event_claims where state = ${STATE.claimed}`
const CLAIMED = `select key, mapping, resource from sync_event ${CLAIM} and node = ? and mapping = ?`
const OLD_CLAIMS = `select key, mapping, resource from sync_event ${CLAIM} and created <= ? order by key`
const INTEND_CLAIMED = `update sync_event ${CLAIM.replace('where', 'set intents = ? where')} and node = ? and mapping = ?`
const END_CLAIM = `delete from sync_event ${CLAIM} and node = ? and mapping = ?`
const RELEASE = `update sync_event set state = ${STATE.behind}, node = null where key = ?`
const ROWS =
  'select e.* from json_each(?) as wanted cross join sync_event as e where e.key = wanted.value order by wanted.key'
const KEYS = `select e.key, e.mapping, e.resource from json_each(?) as wanted cross join sync_event as e
  where e.key = wanted.value order by e.key`
const DUE = `select key from sync_event
  where mapping = ? and state = ${STATE.retry} and not_before <= ? order by not_before limit ?`
const READY = `select key from sync_event where mapping = ? and state = ${STATE.ready} order by key limit ?`
const PAUSED = 'select 1 from sync_queue where mapping = ? and pause is not null'
const ACQUIRE = `update sync_event set state = ${STATE.acquired}, node = ?
  where key in (select value from json_each(?))`
const NEXT_RETRY = `select min(not_before) as next from sync_event where mapping = ? and state = ${STATE.retry}`
const RECOVER = `update sync_event set state = ${STATE.ready}, node = null where mapping = ? and state = ${STATE.acquired}`
const RETRY = `update sync_event set state = ${STATE.retry}, not_before = ?, attempts = ?, last_error = ?, node = null
  where key = ?`
const GIVE_UP = `update sync_event set state = ${STATE.dead}, ended = ?, attempts = ?, last_error = ?, node = null where key = ?`
const REVIVE = `update sync_event set state = ${STATE.behind}, ended = null, attempts = 0, not_before = 0
  where key in (select value from json_each(?))`

const OLDEST = `select min(key) from sync_event ${BY_OBJECT} where mapping = ?1 and resource = ?2 and state < 4`
const PROMOTE = `update sync_event set state = ${STATE.ready} where key = (${OLDEST}) and state = ${STATE.behind}`
const DEMOTE = `update sync_event ${BY_OBJECT} set state = ${STATE.behind} where mapping = ?1 and resource = ?2 and state < 4
  and state in (${STATE.ready}, ${STATE.retry}) and key > (${OLDEST})`
const IS_TAKEN = `select 1 from sync_event ${BY_OBJECT} where mapping = ? and resource = ? and state < 4 and state = ${STATE.acquired} limit 1`

/** Lets the oldest event of an object be the next one, unless one of them is being carried out. */
function arrange(session: Session, mapping: string, resource: string): void {
  if (session.all(IS_TAKEN, [mapping, resource]).length > 0) return
  session.run(DEMOTE, [mapping, resource])
  session.run(PROMOTE, [mapping, resource])
}

/** Lets claimed events wait in their order. */
function release(session: Session, rows: readonly EventKeyRecord[]): void {
  for (const { key, mapping, resource } of rows) {
    session.run(RELEASE, [key])
    addToCounts(session, mapping, 1, 0)
    arrange(session, mapping, resource)
  }
}

function remove(session: Session, rows: readonly EventKeyRecord[]): void {
  const text = 'delete from sync_event where key = ? returning state'
  for (const { key, mapping } of rows)
    for (const { state } of session.all<{ state: number }>(text, [key]))
      addToCounts(session, mapping, state === STATE.dead ? 0 : -1, state === STATE.dead ? -1 : 0)
}
