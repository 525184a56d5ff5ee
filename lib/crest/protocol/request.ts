import type { Json, JsonObject } from '../../contract.ts'
import type { QueryFilter } from '../filter/query-filter.ts'
import type { Pointer } from '../pointer.ts'
import type { WriteRecorder } from './recorder.ts'

/** The caller (`context.security` of a script, `info/login`). */
export interface SecurityContext {
  readonly authenticationId: string
  readonly authorization: {
    readonly id: string
    readonly component: string
    readonly roles: readonly string[]
  } & JsonObject
}

/** The HTTP request of a call; absent for internal calls (scripts, schedules, reconciliation). */
export interface HttpContext {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly parameters: Readonly<Record<string, string>>
  readonly remoteAddress: string
}

/** What accompanies a request. */
export interface RequestContext {
  readonly security?: SecurityContext
  /** The caller of a request without a login, such as `command`. */
  readonly agent?: string
  readonly http?: HttpContext
  /** True for an HTTP request itself; false for requests that scripts send on its behalf. */
  readonly external?: boolean
  readonly transactionId?: string
  /** Checks the password that the request carries for reauthentication; absent without one. */
  readonly reauthenticate?: () => Promise<boolean>
  /** Aborts when the caller disconnects. */
  readonly signal?: AbortSignal
  /** `MAPPING/ID` of each hop of implicit synchronization that led to this request; absent = none did. */
  readonly syncChain?: readonly string[]
  /** Told the time at a remote, in milliseconds since 1970, with each of its answers. */
  readonly onDate?: (time: number) => void
  /** Recording mode: writes, including those of scripts, are recorded instead of executed. */
  readonly recorder?: WriteRecorder
}

interface BaseRequest {
  /** A path relative to the route of the handler, without slashes at its ends, percent-encoded where needed. */
  readonly resourcePath: string
  readonly fields: readonly Pointer[]
  /** Query parameters that are not reserved: without a leading `_`. */
  readonly additionalParameters: Readonly<Record<string, string>>
  /** `resource=` of Accept-API-Version; undefined = any. */
  readonly resourceVersion?: string
}

export interface CreateRequest extends BaseRequest {
  readonly method: 'create'
  /** The client's id, decoded; null lets the server choose. `resourcePath` is the collection. */
  readonly newResourceId: string | null
  /** With the `_id` and `_rev` of the caller, which handlers see only with `takesIdentity`. */
  readonly content: JsonObject
}
export interface ReadRequest extends BaseRequest {
  readonly method: 'read'
}
export interface UpdateRequest extends BaseRequest {
  readonly method: 'update'
  /** The revision that must be current; null = any. */
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

/** One resource in the answer of a handler. `revision` null = the resource has none (configuration objects). */
export interface Resource {
  readonly id: string
  readonly revision: string | null
  /** Without `_id` and `_rev`, which are added for output. */
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
 * The implementation of a route. The answer for an absent method is 501. Every method rejects with a ResourceException.
 */
export interface ResourceHandler {
  /** Versions of its API (`1.0`); the answer for other versions is 404. Absent = any version. */
  readonly versions?: readonly string[]
  /** True when it applies `request.fields` itself, as remotes do; else the router does. */
  readonly projectsFields?: boolean
  /** True when it receives `content` unchanged; else the router removes `_id` and `_rev`. */
  readonly takesIdentity?: boolean
  /** True when scripts answer its requests: in recording mode they run, and their writes are recorded. */
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
