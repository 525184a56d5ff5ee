/** The query string of a resource request. Defaults are not sent. */

import { printQueryFilter } from '../../crest/filter/query-filter.ts'
import { type Pointer, printPointer } from '../../crest/pointer.ts'
import type { CreateRequest, QueryRequest, ResourceRequest, SortKey } from '../../crest/protocol/request.ts'

type Pairs = readonly (readonly [name: string, value: string | undefined])[]

/** With its question mark, names and values percent-encoded once; empty without parameters. */
export function queryString(request: ResourceRequest): string {
  if (request.method !== 'query' && request.method !== 'action' && isBare(request)) return bareQuery(request)
  const pairs: Pairs = [...ownParameters(request), ...Object.entries(request.additionalParameters), fields(request)]
  const parts = pairs.flatMap(([name, value]) => (value === undefined ? [] : `${encode(name)}=${encode(value)}`))
  return parts.length === 0 ? '' : `?${parts.join('&')}`
}

/** Fast path: most requests of a reconciliation have no parameters. */
function isBare({ fields, additionalParameters }: ResourceRequest): boolean {
  for (const _ in additionalParameters) return false
  return fields.length === 0
}

const bareQuery = (request: ResourceRequest): string =>
  request.method === 'create' && isPosted(request) ? '?_action=create' : ''

/** Whether the id of a new object, if any, is in the body: many servers refuse an encoded `/`, `\` or `%` in a path. */
export const isPosted = ({ newResourceId }: CreateRequest): boolean =>
  newResourceId === null || /[/\\%\p{Cc}]/u.test(newResourceId)

/** A lone surrogate becomes U+FFFD, as in every other encoder. */
const encode = (text: string): string => encodeURIComponent(text.toWellFormed())

function ownParameters(request: ResourceRequest): Pairs {
  if (request.method === 'query') return queryParameters(request)
  if (request.method === 'action') return [['_action', request.action]]
  if (request.method === 'create' && isPosted(request)) return [['_action', 'create']]
  return []
}

function queryParameters(request: QueryRequest): Pairs {
  const { queryFilter, queryId, queryExpression, sortKeys, totalPagedResultsPolicy: policy } = request
  return [
    ['_queryFilter', queryFilter && printQueryFilter(queryFilter)],
    ['_queryId', queryId],
    ['_queryExpression', queryExpression],
    ['_sortKeys', sortKeys.length === 0 ? undefined : sortKeys.map(printSortKey).join(',')],
    ['_pageSize', positive(request.pageSize)],
    ['_pagedResultsCookie', printCookie(request.pagedResultsCookie)],
    ['_pagedResultsOffset', positive(request.pagedResultsOffset)],
    ['_totalPagedResultsPolicy', policy === 'NONE' ? undefined : policy],
  ]
}

const positive = (count: number): string | undefined => (count > 0 ? String(count) : undefined)

const printSortKey = ({ field, ascending }: SortKey): string => (ascending ? '' : '-') + printPointer(field)

/** IDM returns its cookies already percent-encoded (`…In0%3D`), and does not recognise them encoded twice. */
function printCookie(cookie: string | null): string | undefined {
  const encoded = cookie !== null && /^[A-Za-z0-9_-]+(?:%3D){1,2}$/i.test(cookie)
  return (encoded ? decodeURIComponent(cookie) : cookie) ?? undefined
}

const IDENTITY: readonly Pointer[] = [['_id'], ['_rev']]

/**
 * `_id` and `_rev` are added to the named fields, as in IDM; some remotes add them only for some protocol versions. The
 * result of an action has neither.
 */
function fields({ method, fields }: ResourceRequest): Pairs[number] {
  if (fields.length === 0) return ['_fields', undefined]
  const names = new Set([...fields, ...(method === 'action' ? [] : IDENTITY)].map(printPointer))
  return ['_fields', [...names].join(',')]
}
