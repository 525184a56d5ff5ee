import { isDeepStrictEqual } from 'node:util'
import { objectId, requireCollection } from '../../../lib/crest/protocol/collection-path.ts'
import { applyPatch } from '../../../lib/crest/protocol/patch.ts'
import type {
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
} from '../../../lib/crest/protocol/request.ts'
import { changeObject, type ObjectStore } from '../../../lib/repo/objects/object-store.ts'

/** Serves the objects of a store as they are, as MemoryCollection does its own. */
export class ObjectCollection implements ResourceHandler {
  readonly #store: ObjectStore

  constructor(store: ObjectStore) {
    this.#store = store
  }

  async create({ resourcePath, newResourceId, content }: CreateRequest): Promise<Resource> {
    requireCollection(resourcePath)
    return this.#store.insert(newResourceId, content)
  }

  async read({ resourcePath }: ReadRequest): Promise<Resource> {
    return this.#store.get(objectId(resourcePath))
  }

  async update({ resourcePath, revision, content }: UpdateRequest): Promise<Resource> {
    return this.#store.replace(objectId(resourcePath), revision, content)
  }

  async patch({ resourcePath, revision, patchOperations }: PatchRequest): Promise<Resource> {
    return changeObject(this.#store, objectId(resourcePath), revision, ({ content }) => {
      const patched = applyPatch(content, patchOperations)
      return isDeepStrictEqual(patched, content) ? content : patched
    })
  }

  async delete({ resourcePath, revision }: DeleteRequest): Promise<Resource> {
    return this.#store.remove(objectId(resourcePath), revision)
  }

  async query(request: QueryRequest, context: RequestContext): Promise<QueryResult> {
    requireCollection(request.resourcePath)
    return this.#store.query(request, context.signal)
  }
}
