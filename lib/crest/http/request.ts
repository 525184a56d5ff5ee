import type { IncomingHttpHeaders } from 'node:http'
import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { badRequest, notSupported, preconditionFailed } from '../errors.ts'
import { parseAcceptApiVersion } from '../protocol/api-version.ts'
import { conditionsOf, intentOfPut, refuseConditions, requiredRevision } from '../protocol/conditions.ts'
import { parsePatch } from '../protocol/patch.ts'
import { ownId } from '../protocol/represent.ts'
import type { ResourceRequest } from '../protocol/request.ts'
import type { RequestParameters } from '../protocol/request-parameters.ts'
import { pathElements, pathFrom } from '../protocol/resource-path.ts'
import type { Operation } from './effective-request.ts'

/** A parsed HTTP request. */
export interface HttpCall {
  /** With X-HTTP-Method-Override applied. */
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** The authorized operations: the call must not become anything else. */
  readonly operations: readonly Operation[]
  readonly parameters: RequestParameters
  /** undefined = no body. */
  readonly body: Json | undefined
}

export const takesBody = (method: string): boolean => ['POST', 'PUT', 'PATCH'].includes(method)

/**
 * Converts a call to requests for the router. Two requests are an upsert: the second is tried when the first cannot create.
 */
export function resourceRequests(call: HttpCall): readonly [ResourceRequest, ResourceRequest?] {
  switch (call.method) {
    case 'GET':
      return [call.operations[0]?.method === 'query' ? query(call) : read(call)]
    case 'POST':
      return [call.operations[0]?.method === 'create' ? create(call) : action(call)]
    case 'PUT':
      return put(call)
    case 'PATCH':
      refuseConditions(conditionsOf(call.headers), 'PATCH', 'ifNoneMatch')
      return [
        {
          method: 'patch',
          ...common(call, 'patch'),
          ...revision(call),
          patchOperations: parsePatch(call.body ?? null),
        },
      ]
    case 'DELETE':
      refuseConditions(conditionsOf(call.headers), 'DELETE', 'ifNoneMatch')
      return [{ method: 'delete', ...common(call, 'delete'), ...revision(call) }]
    default:
      throw notSupported(`Method ${call.method} not supported`)
  }
}

function read(call: HttpCall): ResourceRequest {
  const conditions = conditionsOf(call.headers)
  refuseConditions(conditions, 'GET', 'ifMatch')
  if (conditions.ifNoneMatch === '*') throw preconditionFailed('If-None-Match * not appropriate for GET requests')
  return { method: 'read', ...common(call, 'read') }
}

function query(call: HttpCall): ResourceRequest {
  refuseConditions(conditionsOf(call.headers), 'query', 'ifMatch', 'ifNoneMatch')
  return { method: 'query', ...common(call, 'query'), ...call.parameters.query }
}

function create(call: HttpCall): ResourceRequest {
  refuseConditions(conditionsOf(call.headers), 'POST', 'ifMatch', 'ifNoneMatch')
  const object = objectOf(call)
  const newResourceId = call.parameters.get('_id') || ownId(object)
  return { method: 'create', ...common(call, 'create'), newResourceId, content: object }
}

function action(call: HttpCall): ResourceRequest {
  refuseConditions(conditionsOf(call.headers), 'POST', 'ifMatch', 'ifNoneMatch')
  const name = call.operations[0]?.action ?? ''
  if (name === '') throw badRequest("No value provided for the request parameter '_action'")
  return { method: 'action', ...common(call, 'action'), action: name, content: call.body ?? null }
}

function put(call: HttpCall): readonly [ResourceRequest, ResourceRequest?] {
  const intent = intentOfPut(conditionsOf(call.headers))
  const content = objectOf(call)
  const update: ResourceRequest = { method: 'update', ...common(call, 'update'), ...revision(call), content }
  if (intent === 'update') return [update]
  const elements = pathElements(call.path)
  const newResourceId = elements.pop()
  if (newResourceId === undefined) throw badRequest('No new resource ID in HTTP PUT request')
  const create: ResourceRequest = { ...update, method: 'create', resourcePath: pathFrom(elements), newResourceId }
  return intent === 'create' ? [create] : [create, update]
}

function objectOf({ body }: HttpCall): JsonObject {
  if (isObject(body)) return body
  throw badRequest('The request could not be processed because the provided content is not a JSON object')
}

const revision = ({ headers }: HttpCall) => ({ revision: requiredRevision(conditionsOf(headers)) })

function common({ path, headers, parameters }: HttpCall, method: ResourceRequest['method']) {
  parameters.check(method)
  const { resource } = parseAcceptApiVersion(headers['accept-api-version']?.toString())
  return {
    resourcePath: path,
    fields: parameters.fields,
    additionalParameters: parameters.additional(method),
    ...(resource === undefined ? {} : { resourceVersion: resource }),
  }
}
