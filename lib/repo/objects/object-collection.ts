import { isDeepStrictEqual } from 'node:util'
import { badRequest, notFound, notSupported } from '../../crest/errors.ts'
import { applyPatch } from '../../crest/protocol/patch.ts'
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
} from '../../crest/protocol/request.ts'
import { pathElements } from '../../crest/protocol/resource-path.ts'
import type { ObjectStore } from '../sqlite/objects/object-store.ts'

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
    return this.#store.change(objectId(resourcePath), revision, () => content)
  }

  async patch({ resourcePath, revision, patchOperations }: PatchRequest): Promise<Resource> {
    return this.#store.change(objectId(resourcePath), revision, ({ content }) => {
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

/** @throws notSupported for a path below an object: an object holds no others */
export function requireCollection(resourcePath: string): void {
  if (resourcePath !== '') throw notSupported('This request is for a collection; the resource is none')
}

/** @throws badRequest for the collection itself, notFound for a path below an object */
export function objectId(resourcePath: string): string {
  const [id, ...others] = pathElements(resourcePath)
  if (id === undefined) throw badRequest('This request needs the id of a resource behind the collection')
  if (others.length > 0) throw notFound(`Resource '${resourcePath}' not found`)
  return id
}
