import type { Json, JsonObject } from '../../contract.ts'
import { copyJson } from '../../core/json.ts'
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

/** A write that was requested and not executed: plain JSON, recorded after the filters of the router. */
export interface RecordedWrite {
  readonly method: WriteMethod
  /** The path of the object; for a create, of the collection. */
  readonly path: string
  /** For a create: the id that the caller chose. */
  readonly id?: string
  /** For a create without id: the placeholder of the id, in later writes too, until the server has assigned one. */
  readonly placeholder?: string
  readonly action?: string
  readonly revision?: string
  /** The object, the patch operations, or the content of the action. */
  readonly content?: Json
  readonly parameters?: Readonly<Record<string, string>>
  readonly version?: string
}

/** An object after the recorded writes. */
interface Recorded {
  /** null = deleted. */
  readonly content: JsonObject | null
  /** The revision of the real object; null = it does not exist. */
  readonly revision: string | null
}

/** Sends a request to the real handler. */
type Ask = (request: ResourceRequest) => Promise<unknown>

/** Actions that change nothing, with the paths that have them. */
const READ_ACTIONS: Readonly<Record<string, RegExp>> = {
  validateObject: /(^|\/)policy\/./,
  validateProperty: /(^|\/)policy\/./,
  getLinkedResources: /(^|\/)sync$/,
  compile: /(^|\/)script$/,
  test: /^external\/idm\/[^/]+$|(^|\/)system(\/[^/]+)?$/,
}

/**
 * Recording mode for the requests with this recorder in their context: writes are recorded instead of executed, and later
 * reads see them. One recorder serves one chain of requests, such as the scripts of one object in a reconciliation.
 */
export class WriteRecorder {
  readonly writes: RecordedWrite[] = []
  readonly #overlay: Map<string, Recorded>
  readonly #readActions: ReadonlySet<string>
  #isApproximate = false
  #created = 0

  /** @param readActions names of further actions that change nothing */
  constructor(readActions: ReadonlySet<string> = new Set(), overlay: ReadonlyMap<string, Recorded> = new Map()) {
    this.#readActions = readActions
    this.#overlay = new Map(overlay)
  }

  /** Whether an answer might have been different after the real writes. */
  get isApproximate(): boolean {
    return this.#isApproximate
  }

  /** Whether nothing was recorded and all answers were real. */
  get isUnused(): boolean {
    return this.#overlay.size === 0 && this.writes.length === 0 && !this.#isApproximate
  }

  /** A recorder with the objects of this one and without writes. */
  fork(): WriteRecorder {
    const fork = new WriteRecorder(this.#readActions, this.#overlay)
    fork.#isApproximate = this.#isApproximate
    fork.#created = this.#created
    return fork
  }

  /**
   * Answers in place of a handler.
   * @param path of the resource from the root of the router
   * @param request for the handler
   * @param ask the handler; it receives reads only
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

  /** An object with a recorded write will have another revision when the next write is executed. */
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
      // It is write-only: its content is unknown.
      this.#isApproximate = true
      return { content: request.method === 'create' ? null : {}, revision: null }
    }
  }

  /** Whether a recorded write is at, above or below `path`. */
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

/** The request of a recorded write. */
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
