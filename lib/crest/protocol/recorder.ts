import type { Json, JsonObject } from '../../contract.ts'
import { copyJson } from '../../core/copy-json.ts'
import { notFound, preconditionFailed, ResourceException } from '../errors.ts'
import { projectFields } from './fields.ts'
import { applyPatch, parsePatch, printPatch } from './patch.ts'
import { withoutIdentity } from './represent.ts'
import type {
  ActionRequest,
  CreateRequest,
  DeleteRequest,
  PatchRequest,
  QueryRequest,
  QueryResult,
  ReadRequest,
  Resource,
  ResourceRequest,
  UpdateRequest,
} from './request.ts'
import { childPath, normalizePath } from './resource-path.ts'

type WriteMethod = 'create' | 'update' | 'patch' | 'delete' | 'action'

/** A write that was asked for and not made: plain JSON, behind the filters of the router. */
export interface RecordedWrite {
  readonly method: WriteMethod
  /** Of the object; of a create, the collection. */
  readonly path: string
  /** Of a create: the id that the caller chose. */
  readonly id?: string
  /** Of a create without id: what stands for the id, in later writes too, until the server has chosen one. */
  readonly placeholder?: string
  readonly action?: string
  readonly revision?: string
  /** The object, the patch operations, or the content of the action. */
  readonly content?: Json
  readonly parameters?: Readonly<Record<string, string>>
  readonly version?: string
}

/** An object as the recorded writes leave it. */
interface Recorded {
  /** null = deleted. */
  readonly content: JsonObject | null
  /** Of the object that is really there; null = none. */
  readonly revision: string | null
}

/** Asks the real handler. */
type Ask = (request: ResourceRequest) => Promise<unknown>

/** Actions that change nothing, each with the paths that have it. */
const READ_ACTIONS: Readonly<Record<string, RegExp>> = {
  validateObject: /(^|\/)policy\/./,
  validateProperty: /(^|\/)policy\/./,
  getLinkedResources: /(^|\/)sync$/,
  compile: /(^|\/)script$/,
  test: /^external\/idm\/[^/]+$|(^|\/)system(\/[^/]+)?$/,
}

/**
 * Recording mode of the requests that carry it in their context: writes are kept, not made, and later reads see them.
 * One recorder serves one chain of requests, such as the scripts of one object of a reconciliation.
 */
export class WriteRecorder {
  readonly writes: RecordedWrite[] = []
  readonly #overlay: Map<string, Recorded>
  readonly #readActions: ReadonlySet<string>
  #isApproximate = false
  #created = 0

  /** @param readActions names of actions that change nothing, besides those that are known */
  constructor(readActions: ReadonlySet<string> = new Set(), overlay: ReadonlyMap<string, Recorded> = new Map()) {
    this.#readActions = readActions
    this.#overlay = new Map(overlay)
  }

  /** Whether something was answered that the real writes might have made another. */
  get isApproximate(): boolean {
    return this.#isApproximate
  }

  /** Whether nothing was recorded and all answers were the real ones. */
  get isUnused(): boolean {
    return this.#overlay.size === 0 && this.writes.length === 0 && !this.#isApproximate
  }

  /** Begins with the objects as they are here, and with no writes. */
  fork(): WriteRecorder {
    const fork = new WriteRecorder(this.#readActions, this.#overlay)
    fork.#isApproximate = this.#isApproximate
    fork.#created = this.#created
    return fork
  }

  /**
   * Answers in place of a handler.
   * @param path of the resource from the root of the router
   * @param request as the handler would get it
   * @param ask the handler; it is asked reads only
   */
  answer(path: string, request: ResourceRequest, ask: Ask): Promise<Resource | QueryResult | Json | undefined> {
    const place = normalizePath(path)
    switch (request.method) {
      case 'read':
        return this.#read(place, request, ask)
      case 'query':
        return this.#query(place, request, ask)
      case 'create':
        return this.#create(place, request, ask)
      case 'update':
        return this.#update(place, request, ask)
      case 'patch':
        return this.#patch(place, request, ask)
      case 'delete':
        return this.#delete(place, request, ask)
      case 'action':
        return this.#action(place, request, ask)
    }
  }

  async #read(path: string, request: ReadRequest, ask: Ask): Promise<Resource> {
    const known = this.#overlay.get(path)
    if (!known) {
      if (this.#touches(path)) this.#isApproximate = true
      return (await ask(request)) as Resource
    }
    if (!known.content) throw notFound(`Resource '${path}' not found`)
    return shown(path, known, request)
  }

  async #query(path: string, request: QueryRequest, ask: Ask): Promise<QueryResult> {
    if (this.#touches(path)) this.#isApproximate = true
    return (await ask(request)) as QueryResult
  }

  async #create(path: string, request: CreateRequest, ask: Ask): Promise<Resource> {
    const { newResourceId, content } = request
    const placeholder = newResourceId ?? `recorded-${this.#created + 1}-id`
    const place = childPath(path, placeholder)
    if (newResourceId === null) {
      this.#created += 1
      this.#isApproximate = true
    } else if (
      (await this.#current(place, { ...request, resourcePath: childPath(request.resourcePath, placeholder) }, ask))
        .content
    )
      throw preconditionFailed(`Object ${newResourceId} already exists`)
    this.#note(path, request, { ...(newResourceId === null ? { placeholder } : { id: newResourceId }), content })
    return this.#keep(place, { content: withoutIdentity(content), revision: null }, request)
  }

  async #update(path: string, request: UpdateRequest, ask: Ask): Promise<Resource> {
    const current = await this.#existing(path, request, ask)
    this.#note(path, request, { ...this.#condition(path, request, current), content: request.content })
    return this.#keep(path, { ...current, content: withoutIdentity(request.content) }, request)
  }

  async #patch(path: string, request: PatchRequest, ask: Ask): Promise<Resource> {
    const current = await this.#existing(path, request, ask)
    const { patchOperations: operations } = request
    const isKnown = operations.every(({ operation }) => operation !== 'transform')
    if (!isKnown) this.#isApproximate = true
    const content = isKnown ? applyPatch(current.content, operations) : current.content
    this.#note(path, request, { ...this.#condition(path, request, current), content: printPatch(operations) })
    return this.#keep(path, { ...current, content }, request)
  }

  async #delete(path: string, request: DeleteRequest, ask: Ask): Promise<Resource> {
    const current = await this.#existing(path, request, ask)
    this.#note(path, request, this.#condition(path, request, current))
    this.#overlay.set(path, { content: null, revision: null })
    return shown(path, current, request)
  }

  async #action(path: string, request: ActionRequest, ask: Ask): Promise<Json | undefined> {
    const { action, content } = request
    const isRead =
      this.#readActions.has(action) || (Object.hasOwn(READ_ACTIONS, action) && READ_ACTIONS[action]?.test(path))
    if (isRead) {
      if (this.#touches(path)) this.#isApproximate = true
      return (await ask(request)) as Json | undefined
    }
    this.#isApproximate = true
    this.#note(path, request, { action, content })
    return null
  }

  #note(path: string, request: ResourceRequest, own: Partial<RecordedWrite>): void {
    const { additionalParameters: parameters, resourceVersion: version } = request
    this.writes.push({
      method: request.method as WriteMethod,
      path,
      ...own,
      ...(Object.keys(parameters).length > 0 && { parameters }),
      ...(version !== undefined && { version }),
    })
  }

  #keep(path: string, recorded: Recorded, request: ResourceRequest): Resource {
    this.#overlay.set(path, recorded)
    return shown(path, recorded, request)
  }

  /** What a recorded write has changed has another revision by the time the next one is made. */
  #condition(
    path: string,
    { revision }: { readonly revision: string | null },
    current: Recorded,
  ): { revision?: string } {
    const isOther = revision !== null && current.revision !== null && revision !== current.revision
    if (isOther) throw preconditionFailed(`The resource ${path} has another revision than ${revision}`)
    return revision === null || this.#overlay.has(path) ? {} : { revision }
  }

  async #existing(path: string, request: ResourceRequest, ask: Ask): Promise<Recorded & { content: JsonObject }> {
    const { content, revision } = await this.#current(path, request, ask)
    if (!content) throw notFound(`Resource '${path}' not found`)
    return { content, revision }
  }

  async #current(path: string, request: ResourceRequest, ask: Ask): Promise<Recorded> {
    const known = this.#overlay.get(path)
    if (known) return known
    const { resourcePath, resourceVersion } = request
    const version = resourceVersion === undefined ? {} : { resourceVersion }
    try {
      const read = { method: 'read', resourcePath, fields: [], additionalParameters: {}, ...version } as const
      const { content, revision } = (await ask(read)) as Resource
      return { content, revision }
    } catch (error) {
      if (!(error instanceof ResourceException) || (error.code !== 404 && error.code !== 501)) throw error
      if (error.code === 404) return { content: null, revision: null }
      // It can be written only: what it holds cannot be known.
      this.#isApproximate = true
      return { content: request.method === 'create' ? null : {}, revision: null }
    }
  }

  /** Whether recorded writes are at, above or below `path`. */
  #touches(path: string): boolean {
    for (const place of this.#overlay.keys())
      if (place === path || place.startsWith(`${path}/`) || path.startsWith(`${place}/`)) return true
    return false
  }
}

function shown(path: string, { content, revision }: Recorded, { fields }: ResourceRequest): Resource {
  const id = decodeURIComponent(path.slice(path.lastIndexOf('/') + 1))
  return { id, revision, content: projectFields(copyJson(content ?? {}), fields) }
}

/** The request that was recorded. */
export function requestOf({ method, path, parameters = {}, version, ...own }: RecordedWrite): ResourceRequest {
  const { content = null, revision = null, id = null, action = '' } = own
  const common = {
    resourcePath: path,
    fields: [],
    additionalParameters: parameters,
    ...(version === undefined ? {} : { resourceVersion: version }),
  }
  switch (method) {
    case 'create':
      return { method, ...common, newResourceId: id, content: content as JsonObject }
    case 'update':
      return { method, ...common, revision, content: content as JsonObject }
    case 'patch':
      return { method, ...common, revision, patchOperations: parsePatch(content) }
    case 'delete':
      return { method, ...common, revision }
    case 'action':
      return { method, ...common, action, content }
  }
}
