import type { JsonObject } from '../../contract.ts'
import { printQueryFilter } from '../../crest/filter/query-filter.ts'
import { printPointer } from '../../crest/pointer.ts'
import { printPatch } from '../../crest/protocol/patch.ts'
import type { QueryRequest, ResourceRequest } from '../../crest/protocol/request.ts'

/** The variable `request`, with `queryFilter` as text. */
export function requestVariable(request: ResourceRequest): JsonObject {
  const { method, resourcePath, fields, additionalParameters } = request
  return {
    method,
    resourcePath,
    ...contentOf(request),
    additionalParameters: { ...additionalParameters },
    fields: fields.map(printPointer),
  }
}

function contentOf(request: ResourceRequest): JsonObject {
  switch (request.method) {
    case 'create':
      return { newResourceId: request.newResourceId, content: request.content }
    case 'update':
      return { revision: request.revision, content: request.content }
    case 'patch':
      return { revision: request.revision, patchOperations: printPatch(request.patchOperations) }
    case 'delete':
      return { revision: request.revision }
    case 'action':
      return { action: request.action, content: request.content }
    case 'query':
      return queryOf(request)
    default:
      return {}
  }
}

const queryOf = (request: QueryRequest): JsonObject => ({
  queryFilter: request.queryFilter ? printQueryFilter(request.queryFilter) : null,
  queryId: request.queryId ?? null,
  queryExpression: request.queryExpression ?? null,
  pageSize: request.pageSize,
  pagedResultsCookie: request.pagedResultsCookie,
  pagedResultsOffset: request.pagedResultsOffset,
  totalPagedResultsPolicy: request.totalPagedResultsPolicy,
  sortKeys: request.sortKeys.map(({ field, ascending }) => `${ascending ? '+' : '-'}${printPointer(field)}`),
})
