import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import {
  internalError,
  notFound,
  notSupported,
  type ResourceException,
  serviceUnavailable,
} from '../../crest/errors.ts'
import type {
  ActionRequest,
  CreateRequest,
  QueryRequest,
  QueryResult,
  RequestContext,
  Resource,
  ResourceHandler,
  ResourceRequest,
} from '../../crest/protocol/request.ts'
import type { Script, ScriptService } from '../main/engine.ts'
import { resourceOf } from './response-variable.ts'

export interface EndpointOptions {
  readonly scripts: ScriptService
  /** Called on first use, and again as long as it fails, since the file may be added later. */
  readonly compile: () => Promise<Script>
  /** Whether paths below the route are served, too. */
  readonly below: boolean
}

/** A custom endpoint: one script that answers all methods. */
export class Endpoint implements ResourceHandler {
  readonly takesIdentity = true
  readonly isScripted = true
  readonly #options: EndpointOptions
  #script: Script | undefined

  constructor(options: EndpointOptions) {
    this.#options = options
  }

  /** A PUT without `If-None-Match: *` is an update, as in IDM's endpoints. */
  async create(request: CreateRequest, context: RequestContext): Promise<Resource> {
    if (context.http?.method === 'PUT' && context.http.headers['if-none-match'] === undefined)
      throw notSupported('A PUT is an update for this endpoint')
    return resourceOf(objectOr(await this.#run(request, context), {}))
  }

  async read(request: ResourceRequest, context: RequestContext): Promise<Resource> {
    const value = await this.#run(request, context)
    if (value === null) throw notFound(`Resource '${request.resourcePath}' not found`)
    return resourceOf(objectOr(value, {}))
  }

  update = (request: ResourceRequest, context: RequestContext): Promise<Resource> => this.#write(request, context)
  patch = (request: ResourceRequest, context: RequestContext): Promise<Resource> => this.#write(request, context)
  delete = (request: ResourceRequest, context: RequestContext): Promise<Resource> => this.#write(request, context)

  action(request: ActionRequest, context: RequestContext): Promise<Json> {
    return this.#run(request, context)
  }

  /** Returns the list of the script unchanged: filter and paging are up to the script. */
  async query(request: QueryRequest, context: RequestContext): Promise<QueryResult> {
    const value = await this.#run(request, context)
    const list = isObject(value) ? value.result : (value ?? [])
    if (!Array.isArray(list)) throw internalError('The endpoint must answer a query with a list of objects')
    const { pagedResultsCookie: cookie = null } = isObject(value) ? value : {}
    return {
      result: list.map((item) => resourceOf(objectOr(item, {}))),
      pagedResultsCookie: typeof cookie === 'string' ? cookie : null,
      totalPagedResultsPolicy: 'NONE',
      totalPagedResults: -1,
      remainingPagedResults: -1,
    }
  }

  async #write(request: ResourceRequest, context: RequestContext): Promise<Resource> {
    return resourceOf(objectOr(await this.#run(request, context), {}))
  }

  async #run(request: ResourceRequest, context: RequestContext): Promise<Json> {
    const { scripts, below } = this.#options
    const { resourcePath } = request
    if (!below && resourcePath !== '') throw notFound(`Resource '${resourcePath}' not found`)
    this.#script ??= await this.#options.compile().catch((error: ResourceException) => {
      throw serviceUnavailable(`The endpoint cannot be run: ${error.message}`)
    })
    return scripts.run(this.#script, { resourcePath, resourceName: resourcePath }, { context, request })
  }
}

function objectOr(value: Json, absent: JsonObject): JsonObject {
  if (value === null) return absent
  if (isObject(value)) return value
  throw internalError('The endpoint must yield a JSON object')
}
