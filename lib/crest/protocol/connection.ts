import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { badRequest, ResourceException } from '../errors.ts'
import { parseAcceptApiVersion } from './api-version.ts'
import { countResults, isCountOnly } from './count.ts'
import { parseFields } from './fields.ts'
import { parsePatch } from './patch.ts'
import { queryPages } from './query-pages.ts'
import { WriteRecorder } from './recorder.ts'
import { ownId, type QueryResponse, representQuery, representResource } from './represent.ts'
import type { ActionRequest, QueryRequest, QueryResult, RequestContext, ResourceRequest } from './request.ts'
import { RequestParameters } from './request-parameters.ts'
import type { ResourceRegistry, ResourceRouter } from './router.ts'

/**
 * Parameters of an in-process call, reserved (`_queryFilter`) and additional ones, without URL encoding.
 * `Accept-API-Version` stands for the HTTP header.
 */
export type Params = Readonly<Record<string, Json>> | null
/** Names as in `_fields`; null or empty = all default fields. */
export type Fields = readonly string[] | null

/**
 * The `openidm` functions. Each rejects with a ResourceException; objects have `_id` and `_rev`. A name is a path such as
 * `managed/user/amira`, with reserved characters in ids percent-encoded.
 */
export interface Connection {
  /** @param newResourceId null = the `_id` in `content`, else one that the server assigns */
  create(
    name: string,
    newResourceId: string | null,
    content: Json,
    params?: Params,
    fields?: Fields,
  ): Promise<JsonObject>
  /** null when there is no such resource. */
  read(name: string, params?: Params, fields?: Fields): Promise<JsonObject | null>
  /** @param rev null = any */
  update(name: string, rev: string | null, value: Json, params?: Params, fields?: Fields): Promise<JsonObject>
  /** @param operations as in the body of a PATCH */
  patch(name: string, rev: string | null, operations: Json, params?: Params, fields?: Fields): Promise<JsonObject>
  delete(name: string, rev: string | null, params?: Params, fields?: Fields): Promise<JsonObject>
  query(name: string, params: Params, fields?: Fields): Promise<QueryResponse>
  /** @returns undefined when the action has no answer */
  action(name: string, action: string, content?: Json, params?: Params, fields?: Fields): Promise<Json | undefined>
  /** The pages of a query; of 1,000 objects unless `params` has a `_pageSize`. */
  queryPages(name: string, params: Params, fields?: Fields): AsyncGenerator<QueryResponse, void, undefined>
  /** The objects of all pages. */
  queryAll(name: string, params: Params, fields?: Fields): AsyncGenerator<JsonObject, void, undefined>
}

/** In-process access to the resources of `router` on behalf of the caller in `context`. */
export const connect = (router: ResourceRouter, context: RequestContext): Connection =>
  new RouterConnection(router, () => context)

/** The same in recording mode: nothing is written, not even by scripts. Requests do not see each other's writes. */
export const connectDry = (router: ResourceRouter, context: RequestContext = {}): Connection =>
  new RouterConnection(router, () => ({ ...context, recorder: new WriteRecorder() }))

/** The part of a router that plugins may use. */
export const registryOf = (router: ResourceRouter): ResourceRegistry => ({
  add: (route, handler) => router.add(route, handler),
  connect: (context = {}) => connect(router, context),
  connectDry: (context) => connectDry(router, context),
  routes: (path) => router.routes(path),
  replay: (write) => router.replay(write),
})

const PAGE_SIZE = 1000
const API_VERSION = 'Accept-API-Version'

class RouterConnection implements Connection {
  readonly #router: ResourceRouter
  readonly #contextOf: () => RequestContext

  constructor(router: ResourceRouter, contextOf: () => RequestContext) {
    this.#router = router
    this.#contextOf = contextOf
  }

  get #context(): RequestContext {
    const context = this.#contextOf()
    return context.external ? { ...context, external: false } : context
  }

  async create(
    name: string,
    newResourceId: string | null,
    content: Json,
    params: Params = null,
    fields: Fields = null,
  ) {
    const object = asObject(content)
    return this.#ask({
      method: 'create',
      ...common('create', name, params, fields),
      newResourceId: newResourceId ?? ownId(object),
      content: object,
    })
  }

  async read(name: string, params: Params = null, fields: Fields = null) {
    try {
      return await this.#ask({ method: 'read', ...common('read', name, params, fields) })
    } catch (error) {
      if (error instanceof ResourceException && error.code === 404) return null
      throw error
    }
  }

  async update(name: string, revision: string | null, value: Json, params: Params = null, fields: Fields = null) {
    const content = asObject(value)
    return this.#ask({ method: 'update', ...common('update', name, params, fields), revision, content })
  }

  async patch(name: string, revision: string | null, operations: Json, params: Params = null, fields: Fields = null) {
    const patchOperations = parsePatch(operations)
    return this.#ask({ method: 'patch', ...common('patch', name, params, fields), revision, patchOperations })
  }

  async delete(name: string, revision: string | null, params: Params = null, fields: Fields = null) {
    return this.#ask({ method: 'delete', ...common('delete', name, params, fields), revision })
  }

  async query(name: string, params: Params, fields: Fields = null) {
    const parameters = RequestParameters.ofObject(params)
    const request = { method: 'query', ...common('query', name, params, fields), ...parameters.query } as const
    if (isCountOnly(parameters)) {
      const resultCount = await countResults(this.#router, request, this.#context)
      return { ...representQuery(NOTHING_FOUND), resultCount }
    }
    return representQuery(await this.#router.handle(request, this.#context))
  }

  async action(name: string, action: string, content: Json = null, params: Params = null, fields: Fields = null) {
    const request = { method: 'action', ...common('action', name, params, fields), action, content } as const
    return this.#router.handle(request, this.#context)
  }

  queryPages(name: string, params: Params, fields: Fields = null) {
    return queryPages(name, (cookie) => this.query(name, pageParams(params, cookie), fields))
  }

  async *queryAll(name: string, params: Params, fields: Fields = null) {
    for await (const page of this.queryPages(name, params, fields)) yield* page.result
  }

  async #ask(request: Exclude<ResourceRequest, QueryRequest | ActionRequest>): Promise<JsonObject> {
    return representResource(await this.#router.handle(request, this.#context))
  }
}

/** The common parts of a request; a list of fields takes precedence over `_fields`. */
function common(method: ResourceRequest['method'], resourcePath: string, params: Params, fields: Fields) {
  if (params === null && (fields === null || fields.length === 0))
    return { resourcePath, fields: [], additionalParameters: {} }
  const parameters = RequestParameters.ofObject(params)
  parameters.check(method)
  const { [API_VERSION]: version, ...additionalParameters } = parameters.additional(method)
  const { resource } = parseAcceptApiVersion(version)
  return {
    resourcePath,
    fields: fields && fields.length > 0 ? parseFields(fields.join(',')) : parameters.fields,
    additionalParameters,
    ...(resource === undefined ? {} : { resourceVersion: resource }),
  }
}

const NOTHING_FOUND: QueryResult = {
  result: [],
  pagedResultsCookie: null,
  totalPagedResultsPolicy: 'NONE',
  totalPagedResults: -1,
  remainingPagedResults: -1,
}

/** Only queries by filter have pages, each after the first one identified by a cookie. */
function pageParams(params: Params, cookie: string | null): Params {
  if (cookie !== null)
    return { _pageSize: PAGE_SIZE, ...params, _pagedResultsOffset: null, _pagedResultsCookie: cookie }
  return params?._queryFilter === undefined ? params : { _pageSize: PAGE_SIZE, ...params }
}

function asObject(content: Json): JsonObject {
  if (isObject(content)) return content
  throw badRequest('The request could not be processed because the provided content is not a JSON object')
}
