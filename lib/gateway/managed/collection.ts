import type { Json } from '../../contract.ts'
import type { AuditLog } from '../../core/telemetry/audit.ts'
import { badRequest, conflict, notFound } from '../../crest/errors.ts'
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
import { objectId, requireCollection } from '../../repo/objects/collection-path.ts'
import type { ObjectStore } from '../../repo/objects/object-store.ts'
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
  readonly audit?: AuditLog | undefined
}

/** The managed objects of one type as a resource, such as `managed/user`. */
export class ManagedCollection implements ResourceHandler {
  readonly projectsFields = true
  readonly #type: ManagedType
  readonly #store: ObjectStore
  readonly #writer: ManagedWriter

  constructor({ type, store, keys, hooks = {}, audit }: ManagedCollectionOptions) {
    this.#type = type
    this.#store = store
    this.#writer = new ManagedWriter({ type, store, keys, hooks, audit })
  }

  async create(
    { resourcePath, newResourceId, content, fields }: CreateRequest,
    context: RequestContext,
  ): Promise<Resource> {
    requireCollection(resourcePath)
    return shown(this.#type, await this.#writer.create(newResourceId, content, context), fields, context)
  }

  async read({ resourcePath, fields }: ReadRequest, context: RequestContext): Promise<Resource> {
    return shown(this.#type, await this.#store.get(objectId(resourcePath)), fields, context)
  }

  async update({ resourcePath, revision, content, fields }: UpdateRequest, context: RequestContext): Promise<Resource> {
    const id = objectId(resourcePath)
    return shown(this.#type, await this.#writer.update(id, revision, content, context), fields, context)
  }

  async patch(request: PatchRequest, context: RequestContext): Promise<Resource> {
    const { resourcePath, revision, patchOperations, fields } = request
    const id = objectId(resourcePath)
    return shown(this.#type, await this.#writer.patch(id, revision, patchOperations, context), fields, context)
  }

  async delete({ resourcePath, revision, fields }: DeleteRequest, context: RequestContext): Promise<Resource> {
    return shown(this.#type, await this.#writer.delete(objectId(resourcePath), revision, context), fields, context)
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

  /** The action `patch`: on the object of the path, or the only object that a query matches. */
  async action(request: ActionRequest, context: RequestContext): Promise<Json | undefined> {
    if (request.action !== 'patch') throw badRequest(`The action '${request.action}' is not supported: use patch`)
    const operations = parsePatch(request.content)
    const id = request.resourcePath === '' ? await this.#onlyId(request, context) : objectId(request.resourcePath)
    const patched = await this.#writer.patch(id, null, operations, context)
    return representResource(shown(this.#type, patched, request.fields, context))
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
