import { randomBytes, randomUUID } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import type { JsonObject } from '../../../contract.ts'
import { notFound, preconditionFailed } from '../../../crest/errors.ts'
import type { QueryRequest, QueryResult } from '../../../crest/protocol/request.ts'
import { checkedId, contentText } from '../../objects/object-content.ts'
import type { Database, Session } from '../database/tables.ts'
import { queryObjects } from './object-query.ts'
import { type ObjectRow, objectOf, type StoredObject, selectObject, storedObjectOf } from './object-row.ts'
import { insertValues, replaceValues, selectIndexes, valuesOf } from './property-index.ts'
import { checkUnique } from './unique-property.ts'

export interface StoreOptions {
  readonly type: string
  /** Indexed properties, as printPointer writes them, of which no two objects have the same value. */
  readonly unique: Iterable<string>
  /** How many objects a query looks at in one go. */
  readonly window: number
}

/**
 * The stored objects of one type. Each write is one transaction and has reached the disk when it resolves. Methods
 * reject with the ResourceException that a resource answers with.
 */
export class ObjectStore {
  readonly #database: Database
  readonly #type: string
  readonly #unique: ReadonlySet<string>
  readonly #window: number

  constructor(database: Database, { type, unique, window }: StoreOptions) {
    this.#database = database
    this.#type = type
    this.#unique = new Set(unique)
    this.#window = window
  }

  async find(id: string): Promise<StoredObject | undefined> {
    const row = await selectObject(this.#database, this.#type, id)
    return row && storedObjectOf(row)
  }

  /** @throws notFound, and preconditionFailed when `revision` is given and not the current one */
  async get(id: string, revision: string | null = null): Promise<StoredObject> {
    return storedObjectOf(current(await selectObject(this.#database, this.#type, id), id, revision))
  }

  /**
   * @param id null lets the store make a UUID
   * @throws preconditionFailed when the id is taken, UniqueViolation
   */
  async insert(id: string | null, content: JsonObject): Promise<StoredObject> {
    const row = { id: id === null ? randomUUID() : checkedId(id), ...versionOf(content) }
    return this.#write(async (session) => {
      const object = objectOf({ key: 0, ...row })
      const indexes = await this.#checked(session, row.id, object)
      const inserted = await session
        .insertInto('object')
        .values({ type: this.#type, ...row })
        .onConflict((conflict) => conflict.columns(['type', 'id']).doNothing())
        .returning('key')
        .executeTakeFirst()
      if (!inserted) throw preconditionFailed(`Object ${row.id} already exists`)
      await insertValues(session, valuesOf(indexes, inserted.key, object))
      return storedObjectOf({ key: inserted.key, ...row })
    })
  }

  /**
   * Replaces the content by what `next` makes of the current one; when that is the very content it got, nothing is
   * written and the revision stays.
   * @throws notFound, preconditionFailed when `revision` is not the current one, UniqueViolation
   */
  async change(
    id: string,
    revision: string | null,
    next: (current: StoredObject) => JsonObject,
  ): Promise<StoredObject> {
    return this.#write(async (session) => {
      const row = current(await selectObject(session, this.#type, id), id, revision)
      const stored = storedObjectOf(row)
      const content = next(stored)
      if (content === stored.content) return stored
      const changed = { ...row, ...versionOf(content) }
      const [before, after] = [objectOf(row), objectOf(changed)]
      const indexes = await this.#checked(session, id, after, before)
      const { revision: newRevision, content: text } = changed
      await session
        .updateTable('object')
        .set({ revision: newRevision, content: text })
        .where('key', '=', row.key)
        .execute()
      await replaceValues(session, row.key, valuesOf(indexes, row.key, before), valuesOf(indexes, row.key, after))
      return storedObjectOf(changed)
    })
  }

  /** @throws notFound, and preconditionFailed when `revision` is given and not the current one */
  async remove(id: string, revision: string | null): Promise<StoredObject> {
    return this.#write(async (session) => {
      const row = current(await selectObject(session, this.#type, id), id, revision)
      await session.deleteFrom('object').where('key', '=', row.key).execute()
      return storedObjectOf(row)
    })
  }

  query(request: QueryRequest, signal?: AbortSignal): Promise<QueryResult> {
    return queryObjects(this.#database, this.#type, request, { window: this.#window, signal })
  }

  /** The embedded database never waits for anything, so a caller in a loop would keep all others from their turn. */
  async #write<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const result = await this.#database.transaction().execute(work)
    await turn()
    return result
  }

  async #checked(session: Session, id: string, content: JsonObject, previous?: JsonObject) {
    const indexes = await selectIndexes(session, this.#type)
    await checkUnique(session, { type: this.#type, id, indexes, unique: this.#unique }, content, previous)
    return indexes
  }
}

const versionOf = (content: JsonObject) => ({
  revision: randomBytes(8).toString('hex'),
  content: contentText(content),
})

function current(row: ObjectRow | undefined, id: string, revision: string | null): ObjectRow {
  if (!row) throw notFound(`Object ${id} not found`)
  if (revision !== null && revision !== row.revision)
    throw preconditionFailed(`Object ${id} is not at revision ${revision}`)
  return row
}
