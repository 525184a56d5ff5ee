import { randomUUID } from 'node:crypto'
import type { JsonObject, Logger } from '../../contract.ts'
import type { DeadLetter, EventIntents, IntendedChange, NewEvent, QueuedEvent } from '../queue/event.ts'
import type {
  EventClaim,
  EventSelection,
  EventStore,
  NotedIds,
  Outcome,
  Pause,
  QueueState,
  StoredClaim,
} from '../queue/event-store.ts'
import type { EventRecord, OutcomeRecord } from './queue/event-record.ts'
import { STATE } from './queue/event-row.ts'
import type { KeySelection } from './queue/event-selection.ts'
import type { EventWriter } from './queue/event-writer.ts'
import type { RunKeys } from './run-keys.ts'
import { readJson } from './statements/stored-json.ts'
import type { Stores } from './stores.ts'

export interface SqlEventStoreOptions {
  readonly stores: Stores
  readonly keys: RunKeys
  readonly writer: EventWriter
  /** See `EventStore.misses`. Default: 0, always. */
  readonly misses?: (() => number) | undefined
  /** See `Repository.process`. */
  readonly process: string
  /** Of the leader: the table without its fence, and whether it leads no longer. */
  readonly leading?: { readonly table: Stores['events']; readonly hasEnded: () => boolean } | undefined
  readonly log: Logger
}

/** Events: what is JSON is text on its way to the thread and back. */
export class SqlEventStore implements EventStore {
  readonly #stores: Stores
  readonly #keys: RunKeys
  readonly #writer: EventWriter
  readonly #misses: () => number
  readonly #process: string
  readonly #leading: SqlEventStoreOptions['leading']
  readonly #log: Logger
  #isFaultLogged = false

  constructor({ stores, keys, writer, misses = () => 0, process, leading, log }: SqlEventStoreOptions) {
    this.#stores = stores
    this.#process = process
    this.#leading = leading
    this.#misses = misses
    this.#keys = keys
    this.#writer = writer
    this.#log = log
  }

  get misses(): number {
    return this.#misses()
  }

  get isDeposed(): boolean {
    return this.#leading?.hasEnded() ?? false
  }

  newClaim(): string {
    return `${randomUUID()}${CLAIMED_BY}${this.#process}`
  }

  async add(events: readonly NewEvent[]): Promise<void> {
    if (events.length > 0) await this.#writer.store(events, (records) => this.#stores.events.add(records))
  }

  async find(id: string): Promise<QueuedEvent | undefined> {
    return (await this.page({ ids: [id] }, null, 1))[0]
  }

  async page(selection: EventSelection, after: string | null, limit: number): Promise<QueuedEvent[]> {
    return (await this.#page('waiting', selection, after, limit)).map((row) => this.queued(row))
  }

  intend({ id }: QueuedEvent, intents: EventIntents): Promise<void> {
    return this.#stores.events.intend(Number(id), intentsText(intents))
  }

  intendClaimed(claim: EventClaim, intents: EventIntents): Promise<void> {
    return this.#stores.events.intendClaimed(claim, intentsText(intents))
  }

  async endClaim(claim: EventClaim, end: 'done' | 'wait'): Promise<void> {
    // A deletion that is carried out again could meet an object that was created meanwhile.
    // No other process has claimed these events, so that a former leader may end them, too: the next leader would wait for them.
    const table = this.#leading?.table ?? this.#stores.events
    await table.endClaim(claim, end, claim.action === 'delete')
    if (end === 'wait') this.#writer.announce(claim.mapping)
  }

  async claims(): Promise<StoredClaim[]> {
    const rows = await this.#stores.events.claims()
    return rows.map(({ claim, created }) => ({ claim, process: processOf(claim), createDate: created }))
  }

  releaseClaims(claims: readonly string[]): Promise<number> {
    return this.#stores.events.releaseClaims(claims)
  }

  async intentsOf(of: Parameters<EventStore['intentsOf']>[0]): Promise<IntendedChange[]> {
    const found = await this.#stores.events.intentsOf(of.mapping, of.resourceId)
    return found.flatMap((row) => {
      const intents = this.#read<EventIntents>(row, row.intents)
      return intents ? [{ resourceId: row.resource, intents }] : []
    })
  }

  async finish(outcomes: readonly Outcome[]): Promise<void> {
    if (outcomes.length === 0) return
    if (outcomes.some((outcome) => outcome.result !== 'done' && outcome.error)) await this.#keys.prepareEvents()
    // For deletions: see `endClaim`.
    const isDurable = outcomes.some(({ event, result }) => result === 'dead' || event.action === 'delete')
    await this.#stores.events.finish(outcomes.map(outcomeRecord), isDurable)
    for (const mapping of new Set(outcomes.map(({ event }) => event.mapping))) this.#writer.announce(mapping)
  }

  drop(selection: EventSelection): Promise<number> {
    return this.#stores.events.drop(keySelection(selection))
  }

  async findDead(id: string): Promise<DeadLetter | undefined> {
    return (await this.deadLetters({ ids: [id] }, null, 1))[0]
  }

  async deadLetters(selection: EventSelection, after: string | null, limit: number): Promise<DeadLetter[]> {
    const rows = await this.#page('dead', selection, after, limit)
    return rows.map((row) => ({ ...this.#stored(row), endDate: row.ended ?? row.created }))
  }

  async revive(selection: EventSelection): Promise<number> {
    const count = await this.#stores.events.revive(keySelection(selection))
    for (const { mapping } of await this.queues()) this.#writer.announce(mapping)
    return count
  }

  dropDead(selection: EventSelection): Promise<number> {
    return this.#stores.events.dropDead(keySelection(selection))
  }

  async queues(): Promise<QueueState[]> {
    const rows = await this.#stores.queues.all()
    return rows.map(({ pause, ...row }) => ({ ...row, pause: pauseOf(row.mapping, pause) }))
  }

  setPause(mapping: string, pause: Pause | null): Promise<void> {
    return this.#stores.queues
      .setPause(mapping, pause && JSON.stringify(pause))
      .then(() => this.#writer.announce(mapping))
  }

  async pauseOf(mapping: string): Promise<Pause | null> {
    return pauseOf(mapping, await this.#stores.queues.pause(mapping))
  }

  async clientIds(mapping: string): Promise<NotedIds | null> {
    const text = await this.#stores.queues.clientIds(mapping)
    return text === null ? null : readJson<NotedIds>(text, 'sync_queue', mapping)
  }

  keepClientIds(mapping: string, noted: NotedIds): Promise<void> {
    return this.#stores.queues.setClientIds(mapping, JSON.stringify(noted))
  }

  countDeletion(mapping: string, allowed: number): Promise<{ count: number; isAllowed: boolean }> {
    return this.#stores.queues.countDeletion(mapping, allowed)
  }

  uncountDeletion(mapping: string): Promise<void> {
    return this.#stores.queues.uncountDeletion(mapping)
  }

  forgetDeletions(mapping: string): Promise<void> {
    return this.#stores.queues.forgetDeletions(mapping)
  }

  /** An event as the thread sent it. */
  queued(row: EventRecord): QueuedEvent {
    return {
      ...this.#stored(row),
      state: row.state === STATE.acquired ? 'ACQUIRED' : 'PENDING',
      notBefore: row.not_before,
      intents: this.#read<EventIntents>(row, row.intents) ?? {},
      nodeId: row.node,
    }
  }

  async #page(kind: 'waiting' | 'dead', selection: EventSelection, after: string | null, limit: number) {
    await this.#keys.open()
    return this.#stores.events.page(kind, keySelection(selection), Number(after ?? 0), limit)
  }

  /** One damaged row must not keep those back that are read with it. */
  #read<T>({ key }: Pick<EventRecord, 'key'>, text: string | null): T | null {
    if (text === null) return null
    try {
      return readJson<T>(text, 'sync_event', key)
    } catch (error) {
      this.#log.error({ event: key, err: error }, 'a queued change is damaged: it is carried over by the present state')
      return null
    }
  }

  #stored(row: EventRecord) {
    if (row.fault !== null && !this.#isFaultLogged) {
      this.#isFaultLogged = true
      this.#log.error({ event: row.key }, `Objects of queued changes cannot be read: ${row.fault}`)
    }
    const read = <T>(text: string | null): T | null => this.#read(row, text)
    return {
      id: String(row.key),
      mapping: row.mapping,
      collection: row.collection,
      resourceId: row.resource,
      action: row.action,
      objectRev: row.revision,
      oldObject: read<JsonObject>(row.old_object),
      newObject: read<JsonObject>(row.new_object),
      chain: read<string[]>(row.chain) ?? [],
      transactionId: row.transaction_id,
      userId: row.user_id,
      createDate: row.created,
      attempts: row.attempts,
      lastError: read<JsonObject>(row.last_error),
    }
  }
}

/** Stands before the process in a claim. */
const CLAIMED_BY = '@'

function processOf(claim: string): string {
  const place = claim.indexOf(CLAIMED_BY)
  return place < 0 ? '' : claim.slice(place + 1)
}

const intentsText = (intents: EventIntents): string | null =>
  Object.keys(intents).length > 0 ? JSON.stringify(intents) : null

const pauseOf = (mapping: string, text: string | null): Pause | null =>
  text === null ? null : readJson<Pause>(text, 'sync_queue', mapping)

const keySelection = ({ ids, ...rest }: EventSelection): KeySelection => ({
  ...rest,
  ...(ids && { keys: ids.map(keyOf) }),
})

/** An id that is none selects nothing. */
const keyOf = (id: string): number => (/^[1-9]\d{0,14}$/.test(id) ? Number(id) : 0)

function outcomeRecord(outcome: Outcome): OutcomeRecord {
  const { id, mapping, resourceId: resource, attempts, nodeId: node } = outcome.event
  const fixed = { key: Number(id), mapping, resource, node, result: outcome.result }
  if (outcome.result === 'done') return { ...fixed, notBefore: 0, attempts, error: null }
  const error = outcome.error && JSON.stringify(outcome.error)
  if (outcome.result === 'dead') return { ...fixed, notBefore: 0, attempts: attempts + 1, error }
  return { ...fixed, notBefore: Math.ceil(outcome.notBefore), attempts: attempts + Number(outcome.counts), error }
}
