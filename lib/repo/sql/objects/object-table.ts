import { randomBytes } from 'node:crypto'
import type { JsonObject } from '../../../contract.ts'
import { notFound, preconditionFailed } from '../../../crest/errors.ts'
import { eventLocks } from '../queue/event-locks.ts'
import type { NewEventRecord } from '../queue/event-record.ts'
import type { Database, Lock } from '../statements/database.ts'
import { all, aside, first, run, type Work } from '../statements/work.ts'
import { type Damaged, damagedObject } from './damaged-object.ts'
import type { Examine } from './examination.ts'
import { ensureIndexes, indexLock } from './index-build.ts'
import type { QueryAnswer } from './object-query.ts'
import { type ObjectRow, objectOf, selectObject, selectObjects } from './object-row.ts'
import { insertValues, replaceValues, selectIndexes, valuesOf } from './property-index.ts'
import { checkUnique, uniqueLocks } from './unique-property.ts'

export interface ObjectTableOptions {
  readonly db: Database
  /** Loads what judges objects by a filter. */
  readonly examiner: () => Promise<Examine>
  /** Why a query has failed. */
  readonly explain?: (type: string, error: unknown) => Work<unknown>
  /** How many objects a query looks at in one go. */
  readonly window: number
  readonly onDamaged: Damaged
  /** Stores events in the transaction of a write. */
  readonly storeEvents: (events: readonly NewEventRecord[]) => Work<void>
}

export interface TypeRules {
  readonly type: string
  /** Indexed properties, as printPointer writes them, of which no two objects have the same value. */
  readonly unique: readonly string[]
}

/** Objects with their content as JSON text. Methods fail as those of `ObjectStore` do. */
export class ObjectTable {
  readonly #options: ObjectTableOptions
  readonly #db: Database

  constructor(options: ObjectTableOptions) {
    this.#options = options
    this.#db = options.db
  }

  async find(type: string, id: string): Promise<ObjectRow | undefined> {
    return this.#db.run(selectObject(type, id))
  }

  /** @returns the revision */
  async insert(rules: TypeRules, id: string, content: string, events: readonly NewEventRecord[] = []): Promise<string> {
    const row = { id, revision: newRevision(), content }
    const object = objectOf({ key: 0, ...row })
    const { dialect } = this.#db
    const { storeEvents } = this.#options
    const insert = function* () {
      const indexes = yield* selectIndexes(rules.type)
      yield* checkUnique({ ...rules, id, indexes }, object)
      const inserted = yield* first<{ key: number }>(INSERT, [rules.type, id, row.revision, content])
      if (!inserted) throw preconditionFailed(`Object ${id} already exists`)
      yield* insertValues(dialect, valuesOf(indexes, inserted.key, object))
      if (events.length > 0) yield* storeEvents(completed(events, undefined, row))
      return row.revision
    }
    return this.#db.write(insert, { locks: locksOf(rules, id, events, object) })
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
    const { dialect } = this.#db
    const { storeEvents } = this.#options
    const readable = (row: ObjectRow) => this.#readable(rules.type, row)
    const replace = function* () {
      const row = current(yield* selectObject(rules.type, id, dialect.forUpdate), id, revision)
      const before = readable(row)
      const indexes = yield* selectIndexes(rules.type)
      yield* checkUnique({ ...rules, id, indexes }, after, before)
      yield* aside(run(UPDATE, [changed.revision, content, row.key]))
      const old = before ? valuesOf(indexes, row.key, before) : []
      yield* replaceValues(dialect, row.key, old, valuesOf(indexes, row.key, after))
      if (events.length > 0) yield* storeEvents(completed(events, row, changed))
      return changed.revision
    }
    return this.#db.write(replace, { locks: locksOf(rules, id, events, after) })
  }

  /** @returns what was there */
  async remove(
    type: string,
    id: string,
    revision: string | null,
    events: readonly NewEventRecord[] = [],
  ): Promise<ObjectRow> {
    const { dialect } = this.#db
    const { storeEvents } = this.#options
    const remove = function* () {
      const row = current(yield* selectObject(type, id, dialect.forUpdate), id, revision)
      yield* aside(run('delete from object where key = ?', [row.key]))
      if (events.length > 0) yield* storeEvents(completed(events, row, undefined))
      return row
    }
    return this.#db.write(remove, { locks: locksOf({ type, unique: [] }, id, events) })
  }

  /** @param query JSON of a QueryText: it holds numbers that only text can */
  async query(type: string, query: string, signal: AbortSignal): Promise<QueryAnswer> {
    const { queryObjects } = await import('./object-query.ts')
    const { db, window, explain } = this.#options
    try {
      return await queryObjects(type, query, { db, window, signal, examine: await this.#options.examiner() })
    } catch (error) {
      throw explain ? await db.run(explain(type, error)) : error
    }
  }

  /** All objects in the order they were made. Starts do this, and need not load the query builder. */
  async all(type: string): Promise<QueryAnswer> {
    const { db, window } = this.#options
    const rows = await db.run(all<{ key: number }>('select key from object where type = ? order by key', [type]))
    const keys = rows.map(({ key }) => key)
    const found = await db.run(selectObjects(db.dialect, keys.slice(0, window)))
    return { rows: found, rest: keys.slice(window), cookie: null, total: -1 }
  }

  /** The rows for the keys that a QueryAnswer has left. */
  async rows(keys: readonly number[]): Promise<ObjectRow[]> {
    return this.#db.run(selectObjects(this.#db.dialect, keys))
  }

  /** See {@link ensureIndexes}. */
  ensureIndexes(type: string, properties: readonly string[]): Promise<void> {
    return ensureIndexes(this.#options, type, properties)
  }

  /** The next objects after `after`, of any type, whose content holds `text`. */
  async withText(text: string, after: number, limit: number): Promise<{ key: number; type: string; id: string }[]> {
    const condition = this.#db.dialect.contains('content')
    const query = `select key, type, id from object where key > ? and ${condition} order by key limit ?`
    return this.#db.run(all<{ key: number; type: string; id: string }>(query, [after, text, limit]))
  }

  /** undefined = it is damaged, and has no values in the indexes. */
  #readable(type: string, row: ObjectRow): JsonObject | undefined {
    try {
      return objectOf(row)
    } catch (error) {
      this.#options.onDamaged(damagedObject(type, row, error))
      return undefined
    }
  }
}

const INSERT = `insert into object (type, id, revision, content) values (?, ?, ?, ?)
  on conflict (type, id) do nothing returning key`
const UPDATE = 'update object set revision = ?, content = ? where key = ?'

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

const locksOf = (
  { type, unique }: TypeRules,
  id: string,
  events: readonly NewEventRecord[],
  content?: JsonObject,
): Lock[] => [
  indexLock(type),
  ...(content ? uniqueLocks(type, unique, content) : []),
  ...eventLocks(events.map(({ mapping }) => ({ mapping, resource: id }))),
]

function current(row: ObjectRow | undefined, id: string, revision: string | null): ObjectRow {
  if (!row) throw notFound(`Object ${id} not found`)
  if (revision !== null && revision !== row.revision)
    throw preconditionFailed(`Object ${id} is not at revision ${revision}`)
  return row
}
