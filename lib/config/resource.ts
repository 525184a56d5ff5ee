import type { JsonObject, Logger } from '../contract.ts'
import { badRequest, internalError, notFound, notSupported, preconditionFailed } from '../crest/errors.ts'
import { queryInMemory } from '../crest/page.ts'
import { applyPatch } from '../crest/patch.ts'
import { type Pointer, parsePointer } from '../crest/pointer.ts'
import { withoutIdentity } from '../crest/represent.ts'
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
} from '../crest/request.ts'
import { pathElements } from '../crest/resource-path.ts'
import { ConfigWriter, type OtherProcesses } from './config-writer.ts'
import type { ContentResolver } from './content-resolver.ts'
import type { CurrentFile } from './current-file.ts'
import type { ConfigDirectory } from './directory.ts'
import { listingEntry } from './listing.ts'
import { maskSecrets, restoreSecrets } from './mask.ts'
import { type ObjectName, parseObjectId, pidOf } from './naming.ts'
import { isInstancePid, pidOfObject } from './pids.ts'
import { encryptFields } from './secret-content.ts'
import type { StoredObject } from './stored-object.ts'

export interface ConfigResourceOptions {
  /** The fields (JSON pointers) of a factory's objects, or of an object that exists once, that are never shown in clear. */
  secretFields(pid: string): readonly string[]
  /** What content refers to, brought up to date before it is judged, and the keys that encrypt secret fields. */
  readonly values?: Pick<ContentResolver, 'refresh' | 'keys'> | undefined
  readonly log?: Logger
  /** That serve the same directory. */
  readonly others?: OtherProcesses | undefined
}

/**
 * The configuration objects of `directory` as the resource `config`. Reads show what stands in the files, expressions
 * unresolved; writes are answered when they are on disk and in force. Objects have no revision. A directory has one such
 * resource: it orders the writers.
 */
export const configResource = (directory: ConfigDirectory, options: ConfigResourceOptions): ResourceHandler =>
  new ConfigResource(directory, options)

class ConfigResource implements ResourceHandler {
  readonly #directory: ConfigDirectory
  readonly #writer: ConfigWriter
  readonly #secretFields: (pid: string) => readonly string[]
  readonly #values: ConfigResourceOptions['values']

  constructor(directory: ConfigDirectory, { secretFields, values, log, others }: ConfigResourceOptions) {
    this.#directory = directory
    this.#writer = new ConfigWriter(directory, log, others)
    this.#secretFields = secretFields
    this.#values = values
  }

  async create({ resourcePath, newResourceId, content }: CreateRequest): Promise<Resource> {
    if (newResourceId === null) {
      throw badRequest('A configuration object needs an id: config/FACTORY?_action=create&_id=ALIAS')
    }
    const { id } = this.#locate([...pathElements(resourcePath), newResourceId])
    return this.#store(id, content, (current) => {
      if (current) throw preconditionFailed(`The configuration ${id} already exists`)
      return {}
    })
  }

  async read({ resourcePath }: ReadRequest): Promise<Resource> {
    const elements = pathElements(resourcePath)
    if (elements.length === 0) return this.#listing()
    const { id } = this.#locate(elements)
    const stored = this.#directory.find(id)
    if (!stored) throw absent(id)
    if (!stored.raw) throw internalError(`The configuration ${id} cannot be read: ${stored.error}`)
    return this.#resource(id, stored.raw)
  }

  async update({ resourcePath, content }: UpdateRequest): Promise<Resource> {
    const { id } = this.#locate(pathElements(resourcePath))
    return this.#store(id, content, (current) => {
      if (!current) throw absent(id)
      return current.content ?? {}
    })
  }

  async patch({ resourcePath, patchOperations }: PatchRequest): Promise<Resource> {
    const { id } = this.#locate(pathElements(resourcePath))
    if (patchOperations.some(({ operation }) => operation === 'transform')) {
      throw notSupported('The patch operation transform is not supported: there is no script engine for configuration')
    }
    let patched: JsonObject = {}
    await this.#values?.refresh()
    await this.#writer.change(id, (current) => {
      const stored = contentOf(id, current)
      const seen = maskSecrets(stored, this.#fields(id))
      patched = this.#toStore(id, withoutIdentity(applyPatch(seen, patchOperations)), stored)
      return patched
    })
    return this.#resource(id, patched)
  }

  async delete({ resourcePath }: DeleteRequest): Promise<Resource> {
    const { id } = this.#locate(pathElements(resourcePath))
    let removed: JsonObject = {}
    await this.#writer.change(id, (current) => {
      if (!current) throw absent(id)
      removed = current.content ?? {}
      return undefined
    })
    return this.#resource(id, removed)
  }

  /** Filters and sort keys see what callers see: a secret cannot be guessed by asking. */
  async query(request: QueryRequest): Promise<QueryResult> {
    if (request.resourcePath !== '') throw badRequest('Only config itself can be queried')
    const answer = queryInMemory(
      this.#directory.objects().map((stored) => this.#searchable(stored)),
      request,
    )
    if (request.fields.length > 0) return answer
    return { ...answer, result: answer.result.map(({ id }) => this.#entry(id)) }
  }

  async #store(
    id: string,
    content: JsonObject,
    base: (current: CurrentFile | undefined) => JsonObject,
  ): Promise<Resource> {
    let stored: JsonObject = {}
    await this.#values?.refresh()
    await this.#writer.change(id, (current) => {
      stored = this.#toStore(id, withoutIdentity(content), base(current))
      return stored
    })
    return this.#resource(id, stored)
  }

  /** Masks become what they stand for, and clear text is encrypted when there is a key. */
  #toStore(id: string, content: JsonObject, before: JsonObject): JsonObject {
    const fields = this.#fields(id)
    const restored = restoreSecrets(content, before, fields)
    try {
      const keys = this.#values?.keys()
      return keys ? encryptFields(restored, fields, keys) : restored
    } catch (error) {
      throw internalError(`The configuration ${id} is not stored: ${(error as Error).message}`)
    }
  }

  #listing(): Resource {
    const configurations = this.#directory.objects().map(listingEntry)
    return { id: '', revision: null, content: { configurations } }
  }

  #searchable(stored: StoredObject): Resource {
    const { _id, ...entry } = listingEntry(stored)
    const { id } = stored.name
    return { id, revision: null, content: { ...maskSecrets(stored.raw ?? {}, this.#fields(id)), ...entry } }
  }

  #entry(id: string): Resource {
    const stored = this.#directory.find(id)
    return { id, revision: null, content: stored ? listingEntry(stored) : {} }
  }

  #resource(id: string, content: JsonObject): Resource {
    return { id, revision: null, content: maskSecrets(content, this.#fields(id)) }
  }

  #fields(id: string): Pointer[] {
    return this.#secretFields(pidOf(id)).map(parsePointer)
  }

  /** By id, in either form, or by pid. */
  #locate(elements: readonly string[]): ObjectName {
    const text = elements.join('/')
    if (!isInstancePid(text)) return parseObjectId(text)
    const named = this.#directory.objects().find(({ name }) => pidOfObject(name) === text)
    return named?.name ?? parseObjectId(text)
  }
}

function contentOf(id: string, current: CurrentFile | undefined): JsonObject {
  if (!current) throw absent(id)
  if (!current.content) throw internalError(`The configuration ${id} cannot be read: ${current.fault}`)
  return current.content
}

const absent = (id: string) => notFound(`No configuration exists for id ${id}`)
