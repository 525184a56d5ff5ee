import type { Disposable, Json, ServiceRef } from '../../contract.ts'
import { badRequest, conflict, notFound, notSupported, toResourceException } from '../errors.ts'
import { supportsVersion } from './api-version.ts'
import type { Connection } from './connection.ts'
import { projectFields } from './fields.ts'
import { type RecordedWrite, requestOf } from './recorder.ts'
import { withoutIdentity } from './represent.ts'
import type {
  ActionRequest,
  QueryRequest,
  QueryResult,
  RequestContext,
  Resource,
  ResourceHandler,
  ResourceRequest,
} from './request.ts'
import { normalizePath, pathElements } from './resource-path.ts'

/** The resources of a host by route, for HTTP and in-process calls; shared by its plugins. */
export interface ResourceRegistry {
  /** Serves `route` and everything below it until disposed. @throws conflict when the route is taken */
  add(route: string, handler: ResourceHandler): Disposable
  connect(context?: RequestContext): Connection
  /** In recording mode: nothing is written, not even by scripts. Requests do not see each other's writes. */
  connectDry(context?: RequestContext): Connection
  /** Whether a route serves `path`. */
  routes(path: string): boolean
  /** Executes a recorded write, without the filters that have seen it when it was recorded. */
  replay(write: RecordedWrite): Promise<Answer>
}

export const resourcesService: ServiceRef<ResourceRegistry> = { id: 'resources' }

/** The answer of a router, by the kind of request. */
export type Answer = Resource | QueryResult | Json | undefined

/** Runs before the handlers: may change the request, answer it itself, or change the answer of `next`. */
export type RequestFilter = (
  request: ResourceRequest,
  context: RequestContext,
  next: (request: ResourceRequest) => Promise<Answer>,
) => Promise<Answer>

const METHODS = ['create', 'read', 'update', 'patch', 'delete', 'query', 'action'] as const

interface Match {
  readonly handler: ResourceHandler
  /** The path after the route, without slashes at its ends. */
  readonly rest: string
}

/** Dispatches requests to the handler with the longest matching route. */
export class ResourceRouter {
  readonly #handlers = new Map<string, ResourceHandler>()
  readonly #filters = new Set<RequestFilter>()
  #last: { readonly path: string; readonly match: Match | undefined } | undefined

  /** Adds a filter for every request, after the existing ones. */
  use(filter: RequestFilter): Disposable {
    this.#filters.add(filter)
    return { dispose: () => void this.#filters.delete(filter) }
  }

  add(route: string, handler: ResourceHandler): Disposable {
    const key = normalizePath(route)
    if (this.#handlers.has(key)) throw conflict(`The route '${key}' is already served`)
    this.#handlers.set(key, handler)
    this.#last = undefined
    return {
      dispose: () => {
        this.#last = undefined
        if (this.#handlers.get(key) === handler) this.#handlers.delete(key)
      },
    }
  }

  /** Whether exactly this route is served. */
  isTaken(route: string): boolean {
    return this.#handlers.has(normalizePath(route))
  }

  /** All routes, each with the requests that its handler takes. */
  get served(): ReadonlyMap<string, readonly ResourceRequest['method'][]> {
    const methodsOf = (handler: ResourceHandler) => METHODS.filter((method) => handler[method] !== undefined)
    return new Map([...this.#handlers].map(([route, handler]) => [route, methodsOf(handler)]))
  }

  /** Whether a route serves `path`. An undecodable path counts as served, so that the answer is 400. */
  routes(path: string): boolean {
    try {
      return this.#find(path) !== undefined
    } catch {
      return this.#findRaw(path)
    }
  }

  handle(request: QueryRequest, context: RequestContext): Promise<QueryResult>
  handle(request: ActionRequest, context: RequestContext): Promise<Json | undefined>
  handle(request: Exclude<ResourceRequest, QueryRequest | ActionRequest>, context: RequestContext): Promise<Resource>
  handle(request: ResourceRequest, context: RequestContext): Promise<Answer>
  /** Rejects with a ResourceException, whatever the handler throws. */
  async handle(request: ResourceRequest, context: RequestContext): Promise<Answer> {
    try {
      return await this.#handleThrough([...this.#filters], request, context)
    } catch (error) {
      throw toResourceException(error)
    }
  }

  async #handleThrough(
    [filter, ...others]: readonly RequestFilter[],
    request: ResourceRequest,
    context: RequestContext,
  ): Promise<Answer> {
    context.signal?.throwIfAborted()
    if (filter) return filter(request, context, (next) => this.#handleThrough(others, next, context))
    return this.#answer(request, context)
  }

  /** Executes a recorded write. The filters of the router have seen it when it was recorded. */
  replay(write: RecordedWrite, context: RequestContext = {}): Promise<Answer> {
    return this.answer(requestOf(write), context)
  }

  /** Answers a request that filters have seen already. Rejects with a ResourceException, whatever the handler throws. */
  async answer(request: ResourceRequest, context: RequestContext): Promise<Answer> {
    try {
      return await this.#answer(request, context)
    } catch (error) {
      throw toResourceException(error)
    }
  }

  async #answer(request: ResourceRequest, context: RequestContext): Promise<Answer> {
    const match = this.#find(request.resourcePath)
    if (!match) throw notFound(`Resource '${request.resourcePath}' not found`)
    if (!supportsVersion(match.handler, request.resourceVersion)) throw notFound("Resource '' not found")
    const { handler } = match
    const ask = (own: ResourceRequest): Promise<Answer> => dispatch(handler, own, context)
    const own = requestFor(match, request)
    if (!context.recorder || handler.isScripted) return ask(own)
    if (!handler[own.method]) throw unsupported(own)
    return context.recorder.answer(request.resourcePath, own, ask)
  }

  /** Consecutive requests often have the same path, such as many creates in one collection. */
  #find(path: string): Match | undefined {
    if (this.#last?.path === path) return this.#last.match
    const match = this.#search(path)
    this.#last = { path, match }
    return match
  }

  #search(path: string): Match | undefined {
    const elements = pathElements(path)
    if (elements.some((element) => element === '.' || element === '..'))
      throw badRequest(`Resource path '${path}' contains relative path elements`)
    const encoded = elements.map(encodeURIComponent)
    for (let length = elements.length; length >= 0; length--) {
      const handler = this.#handlers.get(encoded.slice(0, length).join('/'))
      if (handler) return { handler, rest: encoded.slice(length).join('/') }
    }
    return undefined
  }

  #findRaw(path: string): boolean {
    const elements = path.split('/').filter((element) => element !== '')
    return elements.some((_, index) => this.#handlers.has(elements.slice(0, index + 1).join('/')))
  }
}

function requestFor({ handler, rest }: Match, request: ResourceRequest): ResourceRequest {
  const own = { ...request, resourcePath: rest }
  if ((own.method !== 'create' && own.method !== 'update') || handler.takesIdentity) return own
  return { ...own, content: withoutIdentity(own.content) }
}

async function dispatch(handler: ResourceHandler, request: ResourceRequest, context: RequestContext): Promise<Answer> {
  if (request.method === 'action') {
    if (!handler.action) throw unsupported(request)
    return handler.action(request, context)
  }
  const project = (resource: Resource): Resource =>
    handler.projectsFields ? resource : { ...resource, content: projectFields(resource.content, request.fields) }
  if (request.method === 'query') {
    if (!handler.query) throw unsupported(request)
    const answer = await handler.query(request, context)
    return { ...answer, result: answer.result.map(project) }
  }
  const answer = invoke(handler, request, context)
  if (!answer) throw unsupported(request)
  return project(await answer)
}

function invoke(
  handler: ResourceHandler,
  request: Exclude<ResourceRequest, QueryRequest | ActionRequest>,
  context: RequestContext,
): Promise<Resource> | undefined {
  switch (request.method) {
    case 'create':
      return handler.create?.(request, context)
    case 'read':
      return handler.read?.(request, context)
    case 'update':
      return handler.update?.(request, context)
    case 'patch':
      return handler.patch?.(request, context)
    case 'delete':
      return handler.delete?.(request, context)
  }
}

const unsupported = (request: ResourceRequest) =>
  notSupported(`This resource does not support ${request.method} requests`)
