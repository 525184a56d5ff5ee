import type { Json, JsonObject } from '../../contract.ts'
import { ResourceException } from '../../crest/errors.ts'
import { printQueryFilter, type QueryFilter } from '../../crest/filter/query-filter.ts'
import type { Connection } from '../../crest/protocol/connection.ts'
import { queryPages } from '../../crest/protocol/query-pages.ts'
import type { QueryResponse } from '../../crest/protocol/represent.ts'
import { childPath } from '../../crest/protocol/resource-path.ts'
import type { MappingQuery } from '../mapping/query-schema.ts'
import { AbsenceProof } from './absence-proof.ts'
import type { SharedBackoff } from './backoff.ts'
import type { Durations } from './durations.ts'
import type { SelectedFields } from './selected-fields.ts'
import { isManaged } from './target-schema.ts'

export interface ObjectSetOptions {
  readonly path: string
  readonly fields: SelectedFields
  readonly connection: Connection
  readonly backoff: SharedBackoff
  readonly durations: Durations
  /** Whether the collection may be empty without anything being wrong. */
  readonly mayBeEmpty: boolean
}

/** Max characters of a percent-encoded filter: a request line has to stay below 8 kB (remotes answer 414 or worse). */
const MAX_FILTER_LENGTH = 6000

/** The source or target of a mapping. Requests wait while the remote is busy. */
export class ObjectSet {
  readonly path: string
  readonly #fields: SelectedFields
  readonly #connection: Connection
  readonly #backoff: SharedBackoff
  readonly #durations: Durations
  readonly #absence: AbsenceProof
  #batches = true

  constructor({ path, fields, connection, backoff, durations, mayBeEmpty }: ObjectSetOptions) {
    this.path = path
    this.#fields = fields
    this.#connection = connection
    this.#backoff = backoff
    this.#durations = durations
    this.#absence = new AbsenceProof(this, mayBeEmpty)
  }

  /** The fields that are queried limit the filters by which the answers can be judged. */
  get isProjected(): boolean {
    return !this.#fields.isWhole
  }

  /** The pages of the mapping's own query. */
  scan(query: MappingQuery | undefined, pageSize: number, measure: string): AsyncGenerator<JsonObject[], void> {
    const { resourceName, params = { _queryFilter: 'true' } } = query ?? {}
    const { scan } = this.#fields
    return this.pages({ resourceName, params: { ...params, ...(scan && { _fields: [...scan] }) } }, pageSize, measure)
  }

  /**
   * The pages of a query as the remote sends them. A remote that refuses paging is queried again for all objects at once.
   * @param measure the name of the duration
   * @throws badGateway when the pages repeat
   */
  async *pages(query: MappingQuery, pageSize: number, measure: string): AsyncGenerator<JsonObject[], void> {
    const path = query.resourceName ?? this.path
    const { read } = this.#fields
    const params: JsonObject = { ...(read && { _fields: [...read] }), ...query.params }
    const isPaged = params._queryFilter !== undefined
    const request = (cookie: string | null): Promise<QueryResponse> => {
      const paging: JsonObject = isPaged ? { _pageSize: pageSize, _pagedResultsCookie: cookie } : {}
      return this.#query(path, { ...paging, ...params }, measure).catch((error: unknown) => {
        if (cookie !== null || !isPaged || !refusesPages(error)) throw error
        return this.#query(path, params, measure)
      })
    }
    for await (const { result } of queryPages(path, request)) {
      if (path === this.path) this.#absence.noteListed(result)
      yield result
    }
  }

  /** The pages of the edges in a relationship field of one object. */
  edges(id: string, field: string): AsyncGenerator<JsonObject[], void> {
    const query = {
      resourceName: `${childPath(this.path, id)}/${field}`,
      params: { _queryFilter: 'true', _fields: [] },
    }
    return this.pages(query, 1000, 'relationshipQuery')
  }

  /** Removes one edge. Succeeds when it has been removed already. */
  async deleteEdge(id: string, field: string, edge: string): Promise<void> {
    const path = `${childPath(this.path, id)}/${field}/${encodeURIComponent(edge)}`
    try {
      await this.#timed('updateTargetObject', () => this.#connection.delete(path, null))
    } catch (error) {
      if (!(error instanceof ResourceException && error.code === 404)) throw error
    }
  }

  read(id: string, measure: string): Promise<JsonObject | null> {
    const { read } = this.#fields
    return this.#timed(measure, () => this.#connection.read(childPath(this.path, id), null, read))
  }

  /**
   * The existing ones of the objects with these ids, many in one query.
   * @param failures receives the errors of single reads, which are thrown otherwise
   */
  async byIds(
    ids: readonly string[],
    measure: string,
    failures?: Map<string, ResourceException>,
  ): Promise<Map<string, JsonObject>> {
    const filters = ids.map((id) => ({ operator: 'eq', field: ['_id'], value: id }) as const)
    const found = new Map<string, JsonObject>()
    const wanted = new Set(ids)
    if (this.#batches && ids.length > 1)
      for (const objects of await this.#joined(filters, measure))
        for (const object of objects) if (wanted.has(idOf(object))) found.set(idOf(object), object)
    if (this.#batches && ids.length > 1) {
      this.#absence.noteUnlisted(ids.filter((id) => !found.has(id)))
      return found
    }
    for (const id of ids) {
      try {
        const object = await this.read(id, measure)
        if (object) found.set(id, object)
      } catch (error) {
        if (!failures || !(error instanceof ResourceException)) throw error
        failures.set(id, error)
      }
    }
    return found
  }

  /** The existing ones of the objects with these ids, with everything that a read can show. */
  async whole(ids: readonly string[], measure: string): Promise<Map<string, JsonObject>> {
    const fields = isManaged(this.path) ? ['*', '*_ref'] : this.isProjected ? ['*'] : undefined
    const found = new Map<string, JsonObject>()
    const filters = ids.map((id) => ({ operator: 'eq', field: ['_id'], value: id }) as const)
    const pages = this.#batches && ids.length > 1 ? await this.#joined(filters, measure, { fields }) : []
    for (const object of pages.flat()) found.set(idOf(object), object)
    if (this.#batches && ids.length > 1) return new Map(ids.flatMap((id) => entryOf(found, id)))
    const read = (id: string) => this.#connection.read(childPath(this.path, id), null, fields)
    for (const id of ids) {
      const object = await this.#timed(measure, () => read(id))
      if (object) found.set(id, object)
    }
    return found
  }

  /** All objects that match any of the filters, with as few queries as possible. */
  async byFilters(filters: readonly QueryFilter[], measure: string): Promise<JsonObject[]> {
    const found = new Map<string, JsonObject>()
    for (const objects of await this.#joined(filters, measure, { isRequired: true }))
      for (const object of objects) found.set(idOf(object), object)
    return [...found.values()]
  }

  /** All objects of one query. */
  async all(params: JsonObject, measure: string): Promise<JsonObject[]> {
    const { resourceName, ...rest } = params
    const path = typeof resourceName === 'string' ? resourceName : this.path
    const objects: JsonObject[] = []
    for await (const page of this.pages({ resourceName: path, params: rest }, 1000, measure)) objects.push(...page)
    return objects
  }

  create(id: string | null, content: JsonObject): Promise<JsonObject> {
    const { read } = this.#fields
    return this.#timed('updateTargetObject', () => this.#connection.create(this.path, id, content, null, read))
  }

  update(id: string, revision: string | null, content: JsonObject): Promise<JsonObject> {
    const path = childPath(this.path, id)
    const { read } = this.#fields
    return this.#timed('updateTargetObject', () => this.#connection.update(path, revision, content, null, read))
  }

  patch(id: string, revision: string | null, operations: Json): Promise<JsonObject> {
    const path = childPath(this.path, id)
    const { read } = this.#fields
    return this.#timed('updateTargetObject', () => this.#connection.patch(path, revision, operations, null, read))
  }

  /**
   * Whether an object is proven to be deleted.
   * @throws badGateway when that cannot be determined
   */
  isAbsent(id: string): Promise<boolean> {
    return this.#absence.isAbsent(id)
  }

  /** Succeeds when the object has been deleted already. */
  async delete(id: string, revision: string | null): Promise<void> {
    try {
      await this.#timed('deleteTargetObject', () => this.#connection.delete(childPath(this.path, id), revision))
    } catch (error) {
      if (!(error instanceof ResourceException && error.code === 404) || !(await this.isAbsent(id))) throw error
    }
  }

  async #joined(
    filters: readonly QueryFilter[],
    measure: string,
    { isRequired = false, fields }: { readonly isRequired?: boolean; readonly fields?: string[] | undefined } = {},
  ): Promise<JsonObject[][]> {
    const answers: JsonObject[][] = []
    for (const group of groups(filters)) {
      const filter = group.length === 1 && group[0] ? group[0] : ({ operator: 'or', filters: group } as const)
      const params = { _queryFilter: printQueryFilter(filter), ...(fields && { _fields: fields }) }
      try {
        for await (const page of this.pages({ resourceName: undefined, params }, 1000, measure)) answers.push(page)
      } catch (error) {
        if (isRequired || !cannotQuery(error)) throw error
        this.#batches = false
        return answers
      }
    }
    return answers
  }

  #query(path: string, params: JsonObject, measure: string): Promise<QueryResponse> {
    return this.#timed(measure, () => this.#connection.query(path, params))
  }

  #timed<T>(measure: string, work: () => Promise<T>): Promise<T> {
    return this.#backoff.run(() => this.#durations.measure(measure, work))
  }
}

export const idOf = (object: JsonObject): string => String(object._id ?? '')

export const revisionOf = (object: JsonObject): string | null =>
  typeof object._rev === 'string' && object._rev !== '' ? object._rev : null

const entryOf = (found: ReadonlyMap<string, JsonObject>, id: string): [string, JsonObject][] => {
  const object = found.get(id)
  return object ? [[id, object]] : []
}

function groups(filters: readonly QueryFilter[]): QueryFilter[][] {
  const all: QueryFilter[][] = []
  let length = Number.POSITIVE_INFINITY
  for (const filter of filters) {
    const own = encodeURIComponent(printQueryFilter(filter)).length + 8
    if (length + own > MAX_FILTER_LENGTH) {
      all.push([])
      length = 0
    }
    all.at(-1)?.push(filter)
    length += own
  }
  return all
}

const refusesPages = (error: unknown): boolean => error instanceof ResourceException && [400, 501].includes(error.code)

/** Some resources do not support filters by id: their objects are read one at a time. */
const cannotQuery = (error: unknown): boolean =>
  error instanceof ResourceException && [400, 404, 405, 500, 501].includes(error.code)
