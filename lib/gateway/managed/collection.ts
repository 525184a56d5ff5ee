import type { Json } from '../../contract.ts'
import type { AuditLog } from '../../core/telemetry/audit.ts'
import { badRequest, conflict, notFound } from '../../crest/errors.ts'
import { objectId, requireCollection } from '../../crest/protocol/collection-path.ts'
import { queryInMemory } from '../../crest/protocol/page.ts'
import { parsePatch } from '../../crest/protocol/patch.ts'
import { representResource } from '../../crest/protocol/represent.ts'
import type {
  ActionRequest,
  CreateRequest,
  DeleteRequest,
  PatchRequest,
  QueryRequest,
  QueryResult,
  ReadRequest,
  RequestContext,
  Resource,
  ResourceHandler,
  UpdateRequest,
} from '../../crest/protocol/request.ts'
import { RequestParameters } from '../../crest/protocol/request-parameters.ts'
import { pathElements } from '../../crest/protocol/resource-path.ts'
import type { ObjectStore, StoredObject } from '../../repo/objects/object-store.ts'
import type { ManagedChanges } from './changes.ts'
import { shown } from './fields.ts'
import type { ManagedHooks } from './hooks.ts'
import type { ManagedKeys } from './private-values.ts'
import { storedQuery } from './query.ts'
import type { ManagedType } from './type.ts'
import { ManagedWriter } from './writer.ts'

export interface ManagedCollectionOptions {
  readonly type: ManagedType
  readonly store: ObjectStore
  readonly keys: ManagedKeys
  readonly hooks?: ManagedHooks | undefined
  /** What happens to changes. */
  readonly changes?: ManagedChanges | undefined
  readonly audit?: AuditLog | undefined
}

/** Objects that `triggerSyncCheck` synchronizes at the same time. */
const CHECKED_AT_ONCE = 10

/** The managed objects of one type as a resource, such as `managed/user`. */
export class ManagedCollection implements ResourceHandler {
  readonly projectsFields = true
  readonly #type: ManagedType
  readonly #store: ObjectStore
  readonly #writer: ManagedWriter

  constructor({ type, store, keys, hooks = {}, changes, audit }: ManagedCollectionOptions) {
    this.#type = type
    this.#store = store
    this.#writer = new ManagedWriter({ type, store, keys, hooks, changes, audit })
  }

  async create(request: CreateRequest, context: RequestContext): Promise<Resource> {
    const { resourcePath, newResourceId, content, fields } = request
    requireCollection(resourcePath)
    const created = await this.#writer.create(newResourceId, content, { request, context })
    return shown(this.#type, created, fields, context)
  }

  async read({ resourcePath, fields }: ReadRequest, context: RequestContext): Promise<Resource> {
    return shown(this.#type, await this.#store.get(objectId(resourcePath)), fields, context)
  }

  async update(request: UpdateRequest, context: RequestContext): Promise<Resource> {
    const { resourcePath, revision, content, fields } = request
    const updated = await this.#writer.update(objectId(resourcePath), revision, content, { request, context })
    return shown(this.#type, updated, fields, context)
  }

  async patch(request: PatchRequest, context: RequestContext): Promise<Resource> {
    const { resourcePath, revision, patchOperations, fields } = request
    const patched = await this.#writer.patch(objectId(resourcePath), revision, patchOperations, { request, context })
    return shown(this.#type, patched, fields, context)
  }

  async delete(request: DeleteRequest, context: RequestContext): Promise<Resource> {
    const { resourcePath, revision, fields } = request
    const deleted = await this.#writer.delete(objectId(resourcePath), revision, { request, context })
    return shown(this.#type, deleted, fields, context)
  }

  async query(request: QueryRequest, context: RequestContext): Promise<QueryResult> {
    const [id, relationship, ...more] = pathElements(request.resourcePath)
    if (id !== undefined && relationship !== undefined && more.length === 0)
      return this.#edges(id, relationship, request)
    requireCollection(request.resourcePath)
    const query = storedQuery(this.#type, request)
    const answer = await this.#store.query(query, context.signal)
    return { ...answer, result: answer.result.map((resource) => shown(this.#type, resource, query.fields, context)) }
  }

  /** Relationships are not stored: an existing object has none. */
  async #edges(id: string, relationship: string, request: QueryRequest): Promise<QueryResult> {
    await this.#store.get(id)
    if (!Array.isArray(this.#type.relationships.get(relationship)))
      throw notFound(`Resource '${request.resourcePath}' not found`)
    return queryInMemory([], request)
  }

  /** `patch`: of the object of the path, or of the only object that a query matches; `triggerSyncCheck`. */
  async action(request: ActionRequest, context: RequestContext): Promise<Json | undefined> {
    if (request.action === 'triggerSyncCheck') return this.#check(request, context)
    if (request.action !== 'patch')
      throw badRequest(`The action '${request.action}' is not supported: use patch or triggerSyncCheck`)
    const operations = parsePatch(request.content)
    const id = request.resourcePath === '' ? await this.#onlyId(request, context) : objectId(request.resourcePath)
    const patched = await this.#writer.patch(id, null, operations, { request, context })
    return representResource(shown(this.#type, patched, request.fields, context))
  }

  /** Synchronizes the object of the path, or all objects that a query matches, as they are. */
  async #check(request: ActionRequest, context: RequestContext): Promise<Json> {
    if (request.resourcePath !== '') {
      const object = await this.#store.get(objectId(request.resourcePath))
      await this.#writer.check(object, { request, context })
      return representResource(shown(this.#type, object, request.fields, context))
    }
    const given = RequestParameters.ofObject(request.additionalParameters)
    const { query } = given.isQuery ? given : RequestParameters.ofObject({ _queryFilter: 'true' })
    const common = { ...request, ...query, fields: [], sortKeys: [], pageSize: CHECKED_AT_ONCE } as const
    let [countTriggered, cookie]: [number, string | null] = [0, null]
    do {
      const page = { ...common, method: 'query', pagedResultsOffset: 0, pagedResultsCookie: cookie } as const
      const answer = await this.#store.query(storedQuery(this.#type, page), context.signal)
      // A failure of one is in its audit entries, and is none of the others.
      await Promise.allSettled(
        answer.result.map((object) => this.#writer.check(asStored(object), { request, context })),
      )
      countTriggered += answer.result.length
      cookie = answer.pagedResultsCookie
    } while (cookie !== null)
    return { status: 'OK', countTriggered }
  }

  async #onlyId(request: ActionRequest, context: RequestContext): Promise<string> {
    const { query } = RequestParameters.ofObject(request.additionalParameters)
    const parts = { ...query, pageSize: 2, pagedResultsCookie: null, pagedResultsOffset: 0 }
    const { result } = await this.query({ ...request, ...parts, method: 'query' }, context)
    const [found, ...others] = result
    if (!found) throw notFound('Query returned no results')
    if (others.length > 0) throw conflict('Query result must yield one matching object')
    return found.id
  }
}

const asStored = (resource: Resource): StoredObject => ({ ...resource, revision: resource.revision ?? '' })
