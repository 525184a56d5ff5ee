import type { ResourceRequest } from './request.ts'

const COMMON = ['_fields', '_prettyPrint'] as const

/** Each of them makes a GET a query. */
export const QUERY_SELECTIONS = ['_queryFilter', '_queryId', '_queryExpression'] as const

export const QUERY_PARAMETERS: readonly string[] = [
  ...QUERY_SELECTIONS,
  '_sortKeys',
  '_pageSize',
  '_pagedResultsCookie',
  '_pagedResultsOffset',
  '_totalPagedResultsPolicy',
]

/** The reserved parameters each kind of request understands; any other name that starts with `_` is an error. */
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

/** A reserved name as we spell it: IDM reads them without regard to case. Any other name stays as it is. */
export const canonicalName = (name: string): string => SPELLINGS.get(name.toLowerCase()) ?? name
