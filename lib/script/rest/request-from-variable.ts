import { isDeepStrictEqual } from 'node:util'
import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { textOf } from '../../core/long-number.ts'
import { badRequest, internalError } from '../../crest/errors.ts'
import { parseQueryFilter } from '../../crest/filter/query-filter.ts'
import { parsePointer } from '../../crest/pointer.ts'
import { parsePatch } from '../../crest/protocol/patch.ts'
import type { ResourceRequest } from '../../crest/protocol/request.ts'
import { parseSortKeys } from '../../crest/protocol/sort.ts'
import { requestVariable } from '../main/request-variable.ts'

type Change = (value: Json) => object

/** Converts each member of the variable back to a part of the request. */
const CHANGES: Readonly<Record<string, Change>> = {
  resourcePath: (value) => ({ resourcePath: text('resourcePath', value) }),
  newResourceId: (value) => ({ newResourceId: value === null ? null : text('newResourceId', value) }),
  content: (value) => ({ content: value }),
  revision: (value) => ({ revision: value === null ? null : text('revision', value) }),
  patchOperations: (value) => ({ patchOperations: parsePatch(value) }),
  action: (value) => ({ action: text('action', value) }),
  fields: (value) => ({ fields: list('fields', value).map(parsePointer) }),
  additionalParameters: (value) => ({ additionalParameters: parameters(value) }),
  queryFilter: (value) => ({ queryFilter: value === null ? undefined : parseQueryFilter(text('queryFilter', value)) }),
  queryId: (value) => ({ queryId: value === null ? undefined : text('queryId', value) }),
  queryExpression: (value) => ({ queryExpression: value === null ? undefined : text('queryExpression', value) }),
  pageSize: (value) => ({ pageSize: Number(value) || 0 }),
  pagedResultsCookie: (value) => ({ pagedResultsCookie: value === null ? null : text('pagedResultsCookie', value) }),
  pagedResultsOffset: (value) => ({ pagedResultsOffset: Number(value) || 0 }),
  sortKeys: (value) => ({ sortKeys: parseSortKeys(list('sortKeys', value).join(',')) }),
}

/**
 * The request from the variable as a script left it.
 * @throws ResourceException 400 for an invalid part, 500 when the variable is not an object
 */
export function requestFrom(request: ResourceRequest, variable: Json): ResourceRequest {
  if (!isObject(variable)) throw internalError('The filter left no request')
  const before = requestVariable(request)
  const changed = Object.entries(CHANGES).filter(
    ([name]) => Object.hasOwn(before, name) && !isDeepStrictEqual(before[name] ?? null, variable[name] ?? null),
  )
  const parts = changed.map(([name, change]) => change(variable[name] ?? null))
  const result = Object.assign({ ...request }, ...parts) as ResourceRequest
  if ((result.method === 'create' || result.method === 'update') && !isObject(result.content))
    throw badRequest('The filter left a content that is not a JSON object')
  return result
}

function text(name: string, value: Json): string {
  if (typeof value === 'string') return value
  throw badRequest(`The filter left a ${name} that is not a string`)
}

function list(name: string, value: Json): string[] {
  if (Array.isArray(value)) return value.map((item) => text(name, item))
  throw badRequest(`The filter left ${name} that is not a list`)
}

function parameters(value: Json): Record<string, string> {
  if (!isObject(value)) throw badRequest('The filter left additionalParameters that is not an object')
  return Object.fromEntries(Object.entries(value as JsonObject).map(([name, item]) => [name, textOf(item)]))
}
