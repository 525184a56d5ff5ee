/**
 * The meaning of a request, computed once from the raw request. Access rules, router filters, routing and dispatch all use
 * it, so that they cannot understand the request differently.
 */
import type { IncomingMessage } from 'node:http'
import { badRequest, methodNotAllowed } from '../errors.ts'
import type { ResourceRequest } from '../protocol/request.ts'
import { decodeValue, type QueryPair, queryPairs } from '../protocol/request-parameters.ts'
import { QUERY_SELECTIONS } from '../protocol/reserved-parameters.ts'
import { refuseAmbiguousHeaders } from './ambiguous-headers.ts'
import { type RequestPath, requestPathOf } from './request-path.ts'

/** One operation that a request may perform on its resource. */
export interface Operation {
  readonly method: ResourceRequest['method']
  /** Only with method `action`. */
  readonly action?: string
}

export interface EffectiveRequest {
  /** The HTTP method, with X-HTTP-Method-Override applied. */
  readonly method: string
  readonly path: RequestPath
  /** The parameters in their order, with decoded names. */
  readonly parameters: readonly QueryPair[]
  /** All operations that the request may perform: access is granted to all of them or denied. An upsert has two. */
  readonly operations: readonly Operation[]
}

/** The parts of a request that decide about access, without its body. */
export type RequestHead = Pick<IncomingMessage, 'method' | 'url' | 'headers'> &
  Partial<Pick<IncomingMessage, 'rawHeaders'>>

const READ: readonly Operation[] = [{ method: 'read' }]
const QUERY: readonly Operation[] = [{ method: 'query' }]
const CREATE: readonly Operation[] = [{ method: 'create' }]
const UPDATE: readonly Operation[] = [{ method: 'update' }]
const UPSERT: readonly Operation[] = [...CREATE, ...UPDATE]
const PATCH: readonly Operation[] = [{ method: 'patch' }]
const DELETE: readonly Operation[] = [{ method: 'delete' }]

/** A property of the request itself: a WeakMap reduces the throughput by a tenth. */
const KNOWN = Symbol('effective request')
interface Known {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly effective: EffectiveRequest
}
type Carrier = RequestHead & { [KNOWN]?: Known }

/**
 * Returns the same object for each call, unless a router has changed URL or method in between.
 * @throws ResourceException 400 for anything that two readers could understand differently, 405 for a method that Common
 *   REST does not have
 */
export function effectiveRequestOf(request: RequestHead): EffectiveRequest {
  const carrier: Carrier = request
  const { method, url } = request
  const known = carrier[KNOWN]
  if (known && known.method === method && known.url === url) return known.effective
  const effective = read(request)
  carrier[KNOWN] = { method, url, effective }
  return effective
}

function read(request: RequestHead): EffectiveRequest {
  refuseAmbiguousHeaders(request)
  const { url = '' } = request
  const mark = url.indexOf('?')
  const method = effectiveMethod(request)
  const path = requestPathOf(mark < 0 ? url : url.slice(0, mark))
  const parameters = mark < 0 ? [] : queryPairs(url.slice(mark + 1))
  return { method, path, parameters, operations: operationsOf(method, parameters, request) }
}

/** Common REST applies the override to POST only. */
function effectiveMethod({ method = '', headers }: RequestHead): string {
  const override = headers['x-http-method-override']
  if (override === undefined) return method
  if (method === 'POST' && typeof override === 'string') return override.trim().toUpperCase()
  if (String(override).trim().toUpperCase() === method) return method
  throw badRequest('X-HTTP-Method-Override is understood with POST only')
}

function operationsOf(
  method: string,
  parameters: readonly QueryPair[],
  { headers }: RequestHead,
): readonly Operation[] {
  switch (method) {
    case 'GET':
    case 'HEAD':
      return parameters.some(({ name }) => QUERY_SELECTIONS.some((known) => known === name)) ? QUERY : READ
    case 'OPTIONS':
      return READ
    case 'POST':
      return ofPost(parameters)
    case 'PUT':
      return ofPut(headers['if-match'], headers['if-none-match'])
    case 'PATCH':
      return PATCH
    case 'DELETE':
      return DELETE
    default:
      throw methodNotAllowed(`The method ${method} is not allowed`)
  }
}

/** A POST without `_action` creates (protocol 2.1). */
function ofPost(parameters: readonly QueryPair[]): readonly Operation[] {
  const [first, ...others] = parameters.filter(({ name }) => name === '_action')
  if (others.length > 0) throw badRequest("Multiple values provided for the single-valued request parameter '_action'")
  const action = first === undefined ? 'create' : decodeValue(first)
  return action.toLowerCase() === 'create' ? CREATE : [{ method: 'action', action }]
}

function ofPut(ifMatch: string | undefined, ifNoneMatch: string | undefined): readonly Operation[] {
  if (ifNoneMatch === undefined) return ifMatch === undefined ? UPSERT : UPDATE
  return ifNoneMatch.trim() === '*' && ifMatch === undefined ? CREATE : UPSERT
}
