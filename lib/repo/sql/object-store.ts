import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../../contract.ts'
import { badRequest, notFound, preconditionFailed } from '../../crest/errors.ts'
import type { QueryRequest, QueryResult } from '../../crest/protocol/request.ts'
import { checkedId, contentText } from '../objects/object-content.ts'
import type { ObjectStore, StoredObject } from '../objects/object-store.ts'
import type { WriteEvents } from '../queue/event.ts'
import type { QueryAnswer, QueryText } from './objects/object-query.ts'
import type { ObjectRow } from './objects/object-row.ts'
import type { TypeRules } from './objects/object-table.ts'
import type { EventWriter } from './queue/event-writer.ts'
import { readInTurns, readJson } from './statements/stored-json.ts'
import type { Stores } from './stores.ts'

/** Rows that are fetched at once when an answer has more than a window of them. */
const ROWS_AT_ONCE = 500

/** Objects of one type: content is JSON text on its way to the thread and back. */
export class SqlObjectStore implements ObjectStore {
  readonly #objects: Stores['objects']
  readonly #rules: TypeRules
  readonly #events: EventWriter

  constructor(objects: Stores['objects'], rules: TypeRules, events: EventWriter) {
    this.#objects = objects
    this.#rules = rules
    this.#events = events
  }

  async find(id: string): Promise<StoredObject | undefined> {
    const row = await this.#objects.find(this.#rules.type, id)
    return row && this.#read(row)
  }

  async get(id: string, revision: string | null = null): Promise<StoredObject> {
    const stored = await this.find(id)
    if (!stored) throw notFound(`Object ${id} not found`)
    if (revision !== null && revision !== stored.revision)
      throw preconditionFailed(`Object ${id} is not at revision ${revision}`)
    return stored
  }

  async insert(given: string | null, content: JsonObject, { events = [] }: WriteEvents = {}): Promise<StoredObject> {
    const id = given === null ? randomUUID() : checkedId(given)
    const text = contentText(content)
    const revision = await this.#events.store(events, (records) => this.#objects.insert(this.#rules, id, text, records))
    return this.#read({ key: 0, id, revision, content: text })
  }

  async replace(
    id: string,
    revision: string | null,
    content: JsonObject,
    { events = [] }: WriteEvents = {},
  ): Promise<StoredObject> {
    const text = contentText(content)
    const next = await this.#events.store(events, (records) =>
      this.#objects.replace(this.#rules, id, revision, text, records),
    )
    return this.#read({ key: 0, id, revision: next, content: text })
  }

  async remove(id: string, revision: string | null, { events = [] }: WriteEvents = {}): Promise<StoredObject> {
    const { type } = this.#rules
    return this.#read(await this.#events.store(events, (records) => this.#objects.remove(type, id, revision, records)))
  }

  async query(request: QueryRequest, signal: AbortSignal = new AbortController().signal): Promise<QueryResult> {
    const { queryFilter, sortKeys, pageSize, pagedResultsOffset, pagedResultsCookie, totalPagedResultsPolicy } = request
    if (!queryFilter) throw badRequest('This resource is queried with _queryFilter only')
    const paging = { pageSize, pagedResultsOffset, pagedResultsCookie, totalPagedResultsPolicy }
    const query: QueryText = { queryFilter, sortKeys, ...paging }
    const { type } = this.#rules
    const answer = isForAll(query)
      ? await this.#objects.all(type)
      : await this.#objects.query(type, JSON.stringify(query), signal)
    const result: StoredObject[] = []
    for await (const rows of this.#rows(answer, signal))
      result.push(...(await readInTurns(rows, (row) => this.#read(row))))
    const { cookie, total } = answer
    return {
      result,
      pagedResultsCookie: cookie,
      totalPagedResultsPolicy: total < 0 ? 'NONE' : 'EXACT',
      totalPagedResults: total,
      remainingPagedResults: -1,
    }
  }

  /** While some are read here, the next ones are fetched. */
  async *#rows({ rows, rest }: QueryAnswer, signal: AbortSignal): AsyncGenerator<readonly ObjectRow[], void> {
    const fetchFrom = (start: number) => {
      const next = start < rest.length ? this.#objects.rows(rest.slice(start, start + ROWS_AT_ONCE)) : undefined
      // Awaited later, or never when the caller has gone.
      next?.catch(() => undefined)
      return next
    }
    let next = fetchFrom(0)
    yield rows
    for (let start = ROWS_AT_ONCE; next; start += ROWS_AT_ONCE) {
      signal.throwIfAborted()
      const fetched = await next
      next = fetchFrom(start)
      yield fetched
    }
  }

  #read({ key, id, revision, content }: ObjectRow): StoredObject {
    return { id, revision, content: readJson<JsonObject>(content, 'object', `${key} (${this.#rules.type}/${id})`) }
  }
}

const isForAll = (query: QueryText): boolean => {
  const { queryFilter, sortKeys, pageSize, pagedResultsOffset, pagedResultsCookie } = query
  const isTrue = queryFilter.operator === 'literal' && queryFilter.value
  return isTrue && sortKeys.length === 0 && pageSize === 0 && pagedResultsOffset === 0 && pagedResultsCookie === null
}
