import { randomBytes, randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { JsonObject } from '../../contract.ts'
import { copyJson } from '../../core/json.ts'
import { badRequest, notFound, notSupported, preconditionFailed } from '../errors.ts'
import { queryInMemory } from './page.ts'
import { applyPatch } from './patch.ts'
import type {
  CreateRequest,
  DeleteRequest,
  PatchRequest,
  QueryRequest,
  QueryResult,
  ReadRequest,
  Resource,
  ResourceHandler,
  UpdateRequest,
} from './request.ts'
import { pathElements } from './resource-path.ts'

interface Entry {
  readonly revision: string
  readonly content: JsonObject
}

/** A collection in memory, for tests and the demo: the reference for the behaviour of collections. */
export class MemoryCollection implements ResourceHandler {
  readonly #entries = new Map<string, Entry>()

  async create({ resourcePath, newResourceId, content }: CreateRequest): Promise<Resource> {
    if (resourcePath !== '') throw notSupported('A resource of this collection holds no others')
    const id = newResourceId ?? randomUUID()
    if (id === '') throw badRequest('The id of a resource cannot be empty')
    if (this.#entries.has(id)) throw preconditionFailed(`Object ${id} already exists`)
    return this.#store(id, content)
  }

  async read({ resourcePath }: ReadRequest): Promise<Resource> {
    const id = idOf(resourcePath)
    return asResource(id, this.#current(id, null))
  }

  async update({ resourcePath, revision, content }: UpdateRequest): Promise<Resource> {
    const id = idOf(resourcePath)
    this.#current(id, revision)
    return this.#store(id, content)
  }

  async patch({ resourcePath, revision, patchOperations }: PatchRequest): Promise<Resource> {
    const id = idOf(resourcePath)
    const entry = this.#current(id, revision)
    const content = applyPatch(entry.content, patchOperations)
    return isDeepStrictEqual(content, entry.content) ? asResource(id, entry) : this.#store(id, content)
  }

  async delete({ resourcePath, revision }: DeleteRequest): Promise<Resource> {
    const id = idOf(resourcePath)
    const entry = this.#current(id, revision)
    this.#entries.delete(id)
    return asResource(id, entry)
  }

  async query(request: QueryRequest): Promise<QueryResult> {
    if (request.resourcePath !== '') throw notSupported('Only the collection itself can be queried')
    const answer = queryInMemory(
      [...this.#entries].map(([id, entry]) => ({ id, ...entry })),
      request,
    )
    return {
      ...answer,
      result: answer.result.map((resource) => ({ ...resource, content: copyJson(resource.content) })),
    }
  }

  #store(id: string, content: JsonObject): Resource {
    const entry = { revision: randomBytes(8).toString('hex'), content: copyJson(content) }
    this.#entries.set(id, entry)
    return asResource(id, entry)
  }

  #current(id: string, revision: string | null): Entry {
    const entry = this.#entries.get(id)
    if (!entry) throw notFound(`Object ${id} not found`)
    if (revision !== null && revision !== entry.revision)
      throw preconditionFailed(`Object ${id} is not at revision ${revision}`)
    return entry
  }
}

/** A copy, so that callers cannot change the collection. */
const asResource = (id: string, { revision, content }: Entry): Resource => ({
  id,
  revision,
  content: copyJson(content),
})

function idOf(resourcePath: string): string {
  const [id, ...others] = pathElements(resourcePath)
  if (id === undefined) throw badRequest('This request needs the id of a resource after the collection')
  if (others.length > 0) throw notFound(`Resource '${resourcePath}' not found`)
  return id
}
