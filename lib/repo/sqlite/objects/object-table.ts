import { randomBytes } from 'node:crypto'
import type { JsonObject } from '../../../contract.ts'
import { notFound, preconditionFailed } from '../../../crest/errors.ts'
import type { Session } from '../database/session.ts'
import type { WriteQueue } from '../database/write-queue.ts'
import type { NewEventRecord } from '../queue/event-record.ts'
import { type Damaged, damagedObject, explained } from './damaged-object.ts'
import { ensureIndexes } from './index-build.ts'
import type { QueryAnswer } from './object-query.ts'
import { type ObjectRow, objectOf, selectObject, selectObjects } from './object-row.ts'
import { insertValues, replaceValues, selectIndexes, valuesOf } from './property-index.ts'

export interface ObjectTableOptions {
  readonly session: Session
  readonly writes: WriteQueue
  /** How many objects a query looks at in one go. */
  readonly window: number
  readonly onDamaged: Damaged
  /** Stores events in the transaction of a write. */
  readonly storeEvents: (session: Session, events: readonly NewEventRecord[]) => void
}

export interface TypeRules {
  readonly type: string
  /** Indexed properties, as printPointer writes them, of which no two objects have the same value. */
  readonly unique: readonly string[]
}

/** Objects with their content as JSON text. Methods fail as those of `ObjectStore` do. */
export class ObjectTable {
  readonly #session: Session
  readonly #writes: WriteQueue
  readonly #window: number
  readonly #onDamaged: Damaged
  readonly #storeEvents: ObjectTableOptions['storeEvents']

  constructor({ session, writes, window, onDamaged, storeEvents }: ObjectTableOptions) {
    this.#session = session
    this.#writes = writes
    this.#window = window
    this.#onDamaged = onDamaged
    this.#storeEvents = storeEvents
  }

  async find(type: string, id: string): Promise<ObjectRow | undefined> {
    return selectObject(this.#session, type, id)
  }

  /** @returns the revision */
  async insert(rules: TypeRules, id: string, content: string, events: readonly NewEventRecord[] = []): Promise<string> {
    const row = { id, revision: newRevision(), content }
    const object = objectOf({ key: 0, ...row })
    const check = await uniqueCheck(rules)
    return this.#writes.run((session) => {
      const indexes = selectIndexes(session, rules.type)
      check?.(session, { ...rules, id, indexes }, object)
      const values = [rules.type, id, row.revision, content]
      const [inserted] = session.all<{ key: number }>(INSERT, values)
      if (!inserted) throw preconditionFailed(`Object ${id} already exists`)
      insertValues(session, valuesOf(indexes, inserted.key, object))
      if (events.length > 0) this.#storeEvents(session, completed(events, undefined, row))
      return row.revision
    })
  }

  /** @returns the revision */
  async replace(
    rules: TypeRules,
    id: string,
    revision: string | null,
    content: string,
    events: readonly NewEventRecord[] = [],
  ): Promise<string> {
    const changed = { key: 0, id, revision: newRevision(), content }
    const after = objectOf(changed)
    const check = await uniqueCheck(rules)
    return this.#writes.run((session) => {
      const row = current(selectObject(session, rules.type, id), id, revision)
      const before = this.#readable(rules.type, row)
      const indexes = selectIndexes(session, rules.type)
      check?.(session, { ...rules, id, indexes }, after, before)
      session.run(UPDATE, [changed.revision, content, row.key])
      const old = before ? valuesOf(indexes, row.key, before) : []
      replaceValues(session, row.key, old, valuesOf(indexes, row.key, after))
      if (events.length > 0) this.#storeEvents(session, completed(events, row, changed))
      return changed.revision
    })
  }

  /** @returns what was there */
  async remove(
    type: string,
    id: string,
    revision: string | null,
    events: readonly NewEventRecord[] = [],
  ): Promise<ObjectRow> {
    return this.#writes.run((session) => {
      const row = current(selectObject(session, type, id), id, revision)
      session.run('delete from object where key = ?', [row.key])
      if (events.length > 0) this.#storeEvents(session, completed(events, row, undefined))
      return row
    })
  }

  /** @param query JSON of a QueryText: it holds numbers that only text can */
  async query(type: string, query: string, signal: AbortSignal): Promise<QueryAnswer> {
    const { queryObjects } = await import('./object-query.ts')
    try {
      return await queryObjects(this.#session, type, query, { window: this.#window, signal })
    } catch (error) {
      throw explained(this.#session, type, error)
    }
  }

  /** All objects in the order they were made. Starts do this, and need not load the query builder. */
  async all(type: string): Promise<QueryAnswer> {
    const rows = this.#session.all<{ key: number }>('select key from object where type = ? order by key', [type])
    const keys = rows.map(({ key }) => key)
    const first = selectObjects(this.#session, keys.slice(0, this.#window))
    return { rows: first, rest: keys.slice(this.#window), cookie: null, total: -1 }
  }

  /** The rows for the keys that a QueryAnswer has left. */
  async rows(keys: readonly number[]): Promise<ObjectRow[]> {
    return selectObjects(this.#session, keys)
  }

  /** See {@link ensureIndexes}. */
  ensureIndexes(type: string, properties: readonly string[]): Promise<void> {
    return ensureIndexes({ session: this.#session, writes: this.#writes, onDamaged: this.#onDamaged }, type, properties)
  }

  /** The next objects after `after`, of any type, whose content holds `text`. */
  async withText(text: string, after: number, limit: number): Promise<{ key: number; type: string; id: string }[]> {
    return this.#session.all(WITH_TEXT, [after, `%${text}%`, limit])
  }

  /** undefined = it is damaged, and has no values in the indexes. */
  #readable(type: string, row: ObjectRow): JsonObject | undefined {
    try {
      return objectOf(row)
    } catch (error) {
      this.#onDamaged(damagedObject(type, row, error))
      return undefined
    }
  }
}

const INSERT = `insert into object (type, id, revision, content) values (?, ?, ?, ?)
  on conflict (type, id) do nothing returning key`
const UPDATE = 'update object set revision = ?, content = ? where key = ?'
const WITH_TEXT = 'select key, type, id from object where key > ? and content like ? order by key limit ?'

type Version = Pick<ObjectRow, 'id' | 'revision' | 'content'>

/** Events with what only the write knows. */
function completed(
  events: readonly NewEventRecord[],
  old: Version | undefined,
  fresh: Version | undefined,
): NewEventRecord[] {
  const present = fresh ?? old
  const [before, after] = [old ? textOf(old) : null, fresh ? textOf(fresh) : null]
  return events.map((event) => ({
    ...event,
    resource: present?.id ?? event.resource,
    revision: event.revision ?? present?.revision ?? null,
    before: event.before ?? before,
    after: event.after ?? after,
  }))
}

/** JSON of the object with `_id` and `_rev`. */
const textOf = ({ id, revision, content }: Version): string =>
  `{"_id":${JSON.stringify(id)},"_rev":${JSON.stringify(revision)}${content === '{}' ? '' : ','}${content.slice(1)}`

const newRevision = (): string => randomBytes(8).toString('hex')

/** What checks that unique properties are unique; undefined when there is none. */
const uniqueCheck = async ({ unique }: TypeRules) =>
  unique.length === 0 ? undefined : (await import('./unique-property.ts')).checkUnique

function current(row: ObjectRow | undefined, id: string, revision: string | null): ObjectRow {
  if (!row) throw notFound(`Object ${id} not found`)
  if (revision !== null && revision !== row.revision)
    throw preconditionFailed(`Object ${id} is not at revision ${revision}`)
  return row
}
