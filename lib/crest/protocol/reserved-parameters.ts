import type { ResourceRequest } from './request.ts'

const COMMON = ['_fields', '_prettyPrint'] as const

/** With any of them a GET is a query. */
export const QUERY_SELECTIONS = ['_queryFilter', '_queryId', '_queryExpression'] as const

export const QUERY_PARAMETERS: readonly string[] = [
  ...QUERY_SELECTIONS,
  '_sortKeys',
  '_pageSize',
  '_pagedResultsCookie',
  '_pagedResultsOffset',
  '_totalPagedResultsPolicy',
]

/** The reserved parameters of each kind of request; any other name with a leading `_` is an error. */
export const RESERVED_PARAMETERS: Readonly<Record<ResourceRequest['method'], readonly string[]>> = {
  create: [...COMMON, '_action', '_id'],
  read: [...COMMON, '_mimeType'],
  update: COMMON,
  patch: COMMON,
  delete: COMMON,
  query: [...COMMON, ...QUERY_PARAMETERS, '_countOnly'],
  action: [...COMMON, '_action', ...QUERY_PARAMETERS],
}

const NAMES = Object.values(RESERVED_PARAMETERS).flat()
const SPELLINGS: ReadonlyMap<string, string> = new Map(NAMES.map((name) => [name.toLowerCase(), name]))

/** The canonical spelling of a reserved name, which is case-insensitive in IDM; any other name is unchanged. */
export const canonicalName = (name: string): string => SPELLINGS.get(name.toLowerCase()) ?? name
