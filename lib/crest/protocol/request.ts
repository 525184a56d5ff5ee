import type { Json, JsonObject } from '../../contract.ts'
import type { QueryFilter } from '../filter/query-filter.ts'
import type { Pointer } from '../pointer.ts'
import type { WriteRecorder } from './recorder.ts'

/** Who is asking (`context.security` of a script, `info/login`). */
export interface SecurityContext {
  readonly authenticationId: string
  readonly authorization: {
    readonly id: string
    readonly component: string
    readonly roles: readonly string[]
  } & JsonObject
}

/** The HTTP request behind a call; absent for calls from inside (scripts, schedules, reconciliation). */
export interface HttpContext {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly parameters: Readonly<Record<string, string>>
  readonly remoteAddress: string
}

/** The facts that travel with a request. */
export interface RequestContext {
  readonly security?: SecurityContext
  readonly http?: HttpContext
  /** True for the request that came over HTTP itself; what a script asks on its behalf comes from inside. */
  readonly external?: boolean
  readonly transactionId?: string
  /** Aborted when the caller has gone: whoever works for the request stops. */
  readonly signal?: AbortSignal
  /** Recording mode: what is asked to be written, by scripts that the request reaches too, is kept and not made. */
  readonly recorder?: WriteRecorder
}

interface BaseRequest {
  /** Path without slashes at its ends, segments percent-encoded where needed; relative to the route of its handler. */
  readonly resourcePath: string
  readonly fields: readonly Pointer[]
  /** Query parameters that are not reserved (do not start with `_`). */
  readonly additionalParameters: Readonly<Record<string, string>>
  /** `resource=` of Accept-API-Version; undefined when the caller named none. */
  readonly resourceVersion?: string
}

export interface CreateRequest extends BaseRequest {
  readonly method: 'create'
  /** The client's id, decoded; null lets the server choose. `resourcePath` is the collection. */
  readonly newResourceId: string | null
  /** With the `_id` and `_rev` that the caller wrote; handlers see them only if they ask (`takesIdentity`). */
  readonly content: JsonObject
}
export interface ReadRequest extends BaseRequest {
  readonly method: 'read'
}
export interface UpdateRequest extends BaseRequest {
  readonly method: 'update'
  /** The revision that must be current; null = whatever it is. */
  readonly revision: string | null
  /** As in a CreateRequest. */
  readonly content: JsonObject
}
export interface PatchRequest extends BaseRequest {
  readonly method: 'patch'
  readonly revision: string | null
  readonly patchOperations: readonly PatchOperation[]
}
export interface DeleteRequest extends BaseRequest {
  readonly method: 'delete'
  readonly revision: string | null
}
export interface QueryRequest extends BaseRequest {
  readonly method: 'query'
  /** Exactly one of the three is present. */
  readonly queryFilter?: QueryFilter
  readonly queryId?: string
  readonly queryExpression?: string
  readonly sortKeys: readonly SortKey[]
  /** 0 = no paging. */
  readonly pageSize: number
  readonly pagedResultsCookie: string | null
  readonly pagedResultsOffset: number
  readonly totalPagedResultsPolicy: TotalPagedResultsPolicy
}
export interface ActionRequest extends BaseRequest {
  readonly method: 'action'
  readonly action: string
  readonly content: Json
}

export type ResourceRequest =
  | CreateRequest
  | ReadRequest
  | UpdateRequest
  | PatchRequest
  | DeleteRequest
  | QueryRequest
  | ActionRequest

export type TotalPagedResultsPolicy = 'NONE' | 'ESTIMATE' | 'EXACT'
export interface SortKey {
  readonly field: Pointer
  readonly ascending: boolean
}
export interface PatchOperation {
  readonly operation: 'add' | 'remove' | 'replace' | 'increment' | 'move' | 'copy' | 'transform'
  readonly field: Pointer
  readonly value?: Json
  readonly from?: Pointer
}

/** One resource as a handler answers it. `revision` null = the resource has none (configuration objects). */
export interface Resource {
  readonly id: string
  readonly revision: string | null
  /** Without `_id` and `_rev`: whoever prints the resource adds them. */
  readonly content: JsonObject
  /** True for the answer to an upsert that created: HTTP 201. */
  readonly created?: boolean
}
export interface QueryResult {
  readonly result: readonly Resource[]
  readonly pagedResultsCookie: string | null
  readonly totalPagedResultsPolicy: TotalPagedResultsPolicy
  /** -1 = not counted. */
  readonly totalPagedResults: number
  readonly remainingPagedResults: number
}

/**
 * What stands behind a route. A method that is absent is answered with 501. Every method rejects with a
 * ResourceException.
 */
export interface ResourceHandler {
  /** Versions of its API (`1.0`): a request that asks for another is answered with 404. Absent = any version. */
  readonly versions?: readonly string[]
  /** True when its answers hold no more than `request.fields` asks for (a remote sees to it); else the router does. */
  readonly projectsFields?: boolean
  /** True when it wants `content` as the caller wrote it; else the router takes `_id` and `_rev` out of it. */
  readonly takesIdentity?: boolean
  /** True when scripts answer its requests: in recording mode they run, and what they ask to be written is recorded. */
  readonly isScripted?: boolean
  create?(request: CreateRequest, context: RequestContext): Promise<Resource>
  read?(request: ReadRequest, context: RequestContext): Promise<Resource>
  update?(request: UpdateRequest, context: RequestContext): Promise<Resource>
  patch?(request: PatchRequest, context: RequestContext): Promise<Resource>
  delete?(request: DeleteRequest, context: RequestContext): Promise<Resource>
  query?(request: QueryRequest, context: RequestContext): Promise<QueryResult>
  /** `undefined` = 204 with no body. */
  action?(request: ActionRequest, context: RequestContext): Promise<Json | undefined>
}
