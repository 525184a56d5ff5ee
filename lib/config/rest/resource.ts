import type { Json, JsonObject, Logger } from '../../contract.ts'
import type { Awaitable } from '../../core/awaitable.ts'
import { isObject } from '../../core/json.ts'
import {
  badRequest,
  internalError,
  notFound,
  notSupported,
  preconditionFailed,
  ResourceException,
} from '../../crest/errors.ts'
import { getAt, type Pointer } from '../../crest/pointer.ts'
import { queryInMemory } from '../../crest/protocol/page.ts'
import { applyPatch } from '../../crest/protocol/patch.ts'
import { withoutIdentity } from '../../crest/protocol/represent.ts'
import type {
  CreateRequest,
  DeleteRequest,
  PatchOperation,
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
import type { CurrentFile } from '../files/current-file.ts'
import type { ConfigDirectory } from '../files/directory.ts'
import { type ObjectName, parseObjectId, pidOf } from '../files/naming.ts'
import type { StoredObject } from '../files/stored-object.ts'
import type { ContentResolver } from '../values/content-resolver.ts'
import { LocalKey } from '../values/local-key.ts'
import { type FieldRules, type FieldsOf, rulesFor } from '../values/secret-place.ts'
import { ConfigWriter, type OtherProcesses } from './config-writer.ts'
import { listing } from './listing.ts'
import { isInstancePid, pidOfObject } from './pids.ts'
import { type Change, SecretView } from './secret-view.ts'

export interface ConfigResourceOptions {
  /** JSON pointers to the secrets in objects of a pid; they are never shown in clear text. */
  readonly secretFields: FieldsOf
  /** JSON pointers to the addresses that the secrets are sent to. */
  readonly addressFields?: FieldsOf | undefined
  /** The sources of values, refreshed before content is validated, and the keys for secrets. */
  readonly values?: Pick<ContentResolver, 'refresh' | 'keys' | 'shownKeys'> | undefined
  /** The factories and singletons that are served; other objects seem not to exist. Default: all. */
  readonly pids?: ReadonlySet<string> | undefined
  /** What is in force without a file, by id. */
  readonly defaults?: ReadonlyMap<string, JsonObject> | undefined
  /** Runs the script of a patch operation `transform` on the value of its field. Default: not supported. */
  readonly transform?: Transform | undefined
  /** Called when an object has been stored or deleted, with the content of the file before and after. */
  readonly onChanged?: ((change: ConfigurationChange, context: RequestContext) => void) | undefined
  readonly log?: Logger
  /** Processes that serve the same directory. */
  readonly others?: OtherProcesses | undefined
}

export interface ConfigurationChange {
  readonly id: string
  readonly method: 'create' | 'update' | 'patch' | 'delete'
  /** undefined: there is no file. Secrets are as in the file. */
  readonly before: JsonObject | undefined
  readonly after: JsonObject | undefined
}

export type Transform = (script: Json, content: Json, context: RequestContext) => Promise<Json>

/**
 * The configuration objects of `directory` as the resource `config`. Reads return the content of the files, expressions
 * unresolved. Writes are answered when they are on disk and in force. Objects have no revision. Create one per
 * directory: it serializes writes.
 */
export const configResource = (directory: ConfigDirectory, options: ConfigResourceOptions): ResourceHandler =>
  new ConfigResource(directory, options)

interface Write extends Pick<ConfigurationChange, 'id' | 'method'> {
  readonly context: RequestContext
}

class ConfigResource implements ResourceHandler {
  readonly #directory: ConfigDirectory
  readonly #options: ConfigResourceOptions
  readonly #writer: ConfigWriter
  readonly #secrets: SecretView

  constructor(directory: ConfigDirectory, options: ConfigResourceOptions) {
    const { values, log, others } = options
    const localKey = new LocalKey()
    this.#directory = directory
    this.#options = options
    this.#writer = new ConfigWriter(directory, log, others)
    this.#secrets = new SecretView({
      atRest: () => values?.keys(),
      shown: () => values?.shownKeys() ?? localKey.ring,
    })
  }

  async create({ resourcePath, newResourceId, content }: CreateRequest, context: RequestContext): Promise<Resource> {
    if (newResourceId === null) {
      throw badRequest('A configuration object needs an id: config/FACTORY?_action=create&_id=ALIAS')
    }
    const { id } = this.#locate([...pathElements(resourcePath), newResourceId])
    return this.#store({ id, method: 'create', context }, content, (current) => {
      if (current) throw preconditionFailed(`The configuration ${id} already exists`)
      return undefined
    })
  }

  async read({ resourcePath }: ReadRequest): Promise<Resource> {
    const elements = pathElements(resourcePath)
    if (elements.length === 0) return this.#listing()
    const { id } = this.#locate(elements)
    const stored = this.#directory.find(id)
    const byDefault = this.#options.defaults?.get(id)
    if (!stored && byDefault) return this.#resource(id, byDefault)
    if (!stored) throw absent(id)
    if (!stored.raw) throw internalError(`The configuration ${id} cannot be read: ${stored.error}`)
    return this.#resource(id, stored.raw)
  }

  async update({ resourcePath, content }: UpdateRequest, context: RequestContext): Promise<Resource> {
    const { id } = this.#locate(pathElements(resourcePath))
    return this.#store({ id, method: 'update', context }, content, (current) => {
      if (!current && !this.#options.defaults?.has(id)) throw absent(id)
      return current?.content
    })
  }

  async patch({ resourcePath, patchOperations }: PatchRequest, context: RequestContext): Promise<Resource> {
    const { id } = this.#locate(pathElements(resourcePath))
    const isGiven = (pointer: Pointer) =>
      patchOperations.some(({ field }) => field.every((name, at) => name === pointer[at]))
    return this.#change({ id, method: 'patch', context }, async (current) => {
      const stored = current ? contentOf(id, current) : this.#options.defaults?.get(id)
      if (!stored) throw absent(id)
      const rules = this.#rules(id)
      const patched = await this.#patched(this.#secrets.show(id, stored, rules), patchOperations, context)
      return this.#toStore({ id, rules, stored, isGiven }, withoutIdentity(patched))
    })
  }

  async delete({ resourcePath }: DeleteRequest, context: RequestContext): Promise<Resource> {
    const { id } = this.#locate(pathElements(resourcePath))
    let removed: JsonObject = {}
    await this.#writer.change(id, (current) => {
      if (!current) throw absent(id)
      removed = current.content ?? {}
      return undefined
    })
    this.#secrets.forget(id)
    this.#options.onChanged?.({ id, method: 'delete', before: removed, after: undefined }, context)
    return this.#resource(id, removed)
  }

  /** Filters and sort keys see what callers see, so that queries cannot probe secrets. */
  async query(request: QueryRequest): Promise<QueryResult> {
    if (request.resourcePath !== '') throw badRequest('Only config itself can be queried')
    // Unreadable objects are left out: importing an export would overwrite them with empty ones. The list has them.
    const readable = this.#objects.filter(({ raw }) => raw)
    const entryOf = listing(this.#directory.faults())
    const answer = queryInMemory(
      readable.map((stored) => this.#searchable(stored, entryOf(stored))),
      request,
    )
    if (request.fields.length > 0) return answer
    return { ...answer, result: answer.result.map(({ id }) => this.#resource(id, this.#directory.find(id)?.raw ?? {})) }
  }

  async #store(
    write: Write,
    content: JsonObject,
    base: (current: CurrentFile | undefined) => JsonObject | undefined,
  ): Promise<Resource> {
    const { id } = write
    return this.#change(write, (current) =>
      this.#toStore({ id, rules: this.#rules(id), stored: base(current) }, withoutIdentity(content)),
    )
  }

  async #change(
    { id, method, context }: Write,
    edit: (current: CurrentFile | undefined) => Awaitable<JsonObject>,
  ): Promise<Resource> {
    let [before, stored]: [JsonObject | undefined, JsonObject] = [undefined, {}]
    await this.#options.values?.refresh()
    this.#secrets.forget(id)
    await this.#writer.change(id, async (current) => {
      before = current?.content
      stored = await edit(current)
      return stored
    })
    this.#options.onChanged?.({ id, method, before, after: stored }, context)
    return this.#resource(id, stored)
  }

  async #patched(
    content: JsonObject,
    operations: readonly PatchOperation[],
    context: RequestContext,
  ): Promise<JsonObject> {
    if (!operations.some(({ operation }) => operation === 'transform')) return applyPatch(content, operations)
    const { transform } = this.#options
    if (!transform) throw notSupported('The patch operation transform is not supported: there is no script engine')
    let patched = content
    for (const step of operations) {
      const { operation, field, value } = step
      const isTransform = operation === 'transform'
      const script = isObject(value) && value.script
      if (isTransform && !isObject(script)) throw badRequest('The value of a transform must be {"script": …}')
      const next: PatchOperation = isTransform
        ? {
            operation: 'replace',
            field,
            value: await transform(script || null, getAt(patched, field) ?? null, context),
          }
        : step
      patched = applyPatch(patched, [next])
    }
    return patched
  }

  /** Restores stored secrets and encrypts clear text if there is a key. */
  #toStore(change: Change, content: JsonObject): JsonObject {
    try {
      return this.#secrets.restore(withoutShownName(change.id, content, change.stored), change)
    } catch (error) {
      if (error instanceof ResourceException) throw error
      throw internalError(`The configuration ${change.id} is not stored: ${(error as Error).message}`)
    }
  }

  #listing(): Resource {
    const configurations = this.#objects.map(listing(this.#directory.faults()))
    return { id: '', revision: null, content: { configurations } }
  }

  #searchable(stored: StoredObject, { _id, ...entry }: JsonObject): Resource {
    const { id } = stored.name
    return { id, revision: null, content: { ...this.#resource(id, stored.raw ?? {}).content, ...entry } }
  }

  #resource(id: string, content: JsonObject): Resource {
    return { id, revision: null, content: withName(id, this.#secrets.show(id, content, this.#rules(id))) }
  }

  #rules(id: string): FieldRules {
    const { secretFields, addressFields } = this.#options
    return rulesFor(pidOf(id), secretFields, addressFields)
  }

  get #objects(): readonly StoredObject[] {
    return this.#directory.objects().filter(({ name }) => this.#isServed(name))
  }

  #isServed({ id }: ObjectName): boolean {
    return this.#options.pids?.has(pidOf(id)) !== false
  }

  /** Accepts an id in either form, or a pid. */
  #locate(elements: readonly string[]): ObjectName {
    const text = elements.join('/')
    const named = isInstancePid(text) && this.#objects.find(({ name }) => pidOfObject(name) === text)
    const name = named ? named.name : parseObjectId(text)
    if (!this.#isServed(name)) throw absent(name.id)
    return name
  }
}

function contentOf(id: string, current: CurrentFile | undefined): JsonObject {
  if (!current) throw absent(id)
  if (!current.content) throw internalError(`The configuration ${id} cannot be read: ${current.fault}`)
  return current.content
}

/**
 * Adds the name of a mapping from its id if the file has none: vendor tools derive the id from it.
 */
function withName(id: string, content: JsonObject): JsonObject {
  const [pid, alias] = id.split('/')
  return pid === 'mapping' && alias !== undefined && content.name === undefined ? { ...content, name: alias } : content
}

/** Removes a name that `withName` added. */
function withoutShownName(id: string, content: JsonObject, stored: JsonObject | undefined): JsonObject {
  const [pid, alias] = id.split('/')
  if (pid !== 'mapping' || !stored || stored.name !== undefined || content.name !== alias) return content
  const { name: _, ...rest } = content
  return rest
}

const absent = (id: string) => notFound(`No configuration exists for id ${id}`)
