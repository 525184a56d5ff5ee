import type { Json } from '../../contract.ts'
import { isForbiddenName } from '../../core/json.ts'
import { badRequest } from '../errors.ts'
import { parseQueryFilter } from '../filter/query-filter.ts'
import type { Pointer } from '../pointer.ts'
import { parseFields } from './fields.ts'
import type { QueryRequest, ResourceRequest, TotalPagedResultsPolicy } from './request.ts'
import { canonicalName, QUERY_PARAMETERS, QUERY_SELECTIONS, RESERVED_PARAMETERS } from './reserved-parameters.ts'
import { parseSortKeys } from './sort.ts'

const POLICIES: readonly TotalPagedResultsPolicy[] = ['NONE', 'ESTIMATE', 'EXACT']

export type QueryParts = Pick<
  QueryRequest,
  | 'queryFilter'
  | 'queryId'
  | 'queryExpression'
  | 'sortKeys'
  | 'pageSize'
  | 'pagedResultsCookie'
  | 'pagedResultsOffset'
  | 'totalPagedResultsPolicy'
>

/**
 * A parameter of an action.
 * @throws badRequest when it is missing or empty
 */
export function requiredParameter(parameters: Readonly<Record<string, string>>, name: string): string {
  const value = parameters[name]
  if (value === undefined || value === '') throw badRequest(`The parameter ${name} is missing`)
  return value
}

/** The parameters of one request. Reserved names are case-insensitive, as in IDM. */
export class RequestParameters {
  readonly #values: ReadonlyMap<string, string>

  /** @throws badRequest for a repeated name or one with a special meaning in JavaScript */
  constructor(pairs: Iterable<readonly [string, string]>) {
    const values = new Map<string, string>()
    for (const [name, value] of pairs) {
      const key = canonicalName(name)
      if (values.has(key))
        throw badRequest(`Multiple values provided for the single-valued request parameter '${name}'`)
      if (isForbiddenName(key)) throw badRequest(`The request parameter '${name}' is not allowed`)
      values.set(key, value)
    }
    this.#values = values
  }

  /** Parses a query string (without `?`), in which `+` and `%20` are spaces. */
  static ofQueryString(text: string): RequestParameters {
    return RequestParameters.ofPairs(queryPairs(text))
  }

  static ofPairs(pairs: readonly QueryPair[]): RequestParameters {
    return new RequestParameters(pairs.map((pair) => [pair.name, decodeValue(pair)] as const))
  }

  /** Converts the `params` of an in-process call: numbers, booleans and lists to text; null counts as absent. */
  static ofObject(params: Readonly<Record<string, Json>> | null): RequestParameters {
    const present = Object.entries(params ?? {}).filter(([, value]) => value !== null && value !== undefined)
    return new RequestParameters(present.map(([name, value]) => [name, parameterText(value)] as const))
  }

  get(name: string): string | undefined {
    return this.#values.get(name)
  }

  get all(): Record<string, string> {
    return Object.fromEntries(this.#values)
  }

  get fields(): Pointer[] {
    return parseFields(this.get('_fields'))
  }

  /** The parameters that are not reserved; for an action those of a query, too. */
  additional(method: ResourceRequest['method']): Record<string, string> {
    const kept = [...this.#values].filter(
      ([name]) => !name.startsWith('_') || (method === 'action' && QUERY_PARAMETERS.includes(name)),
    )
    return Object.fromEntries(kept)
  }

  /** @throws badRequest for a reserved parameter that this kind of request does not have */
  check(method: ResourceRequest['method']): void {
    const known = RESERVED_PARAMETERS[method]
    const unknown = [...this.#values.keys()].find((name) => name.startsWith('_') && !known.includes(name))
    if (unknown !== undefined)
      throw badRequest(`Unrecognized request parameter '${unknown}': a ${method} request has ${known.join(', ')}`)
  }

  get isQuery(): boolean {
    return QUERY_SELECTIONS.some((name) => this.#values.has(name))
  }

  /** @throws badRequest for an invalid value, or parameters that exclude each other */
  get query(): QueryParts {
    const parts: QueryParts = {
      ...this.#selection,
      sortKeys: parseSortKeys(this.get('_sortKeys')),
      pageSize: this.#count('_pageSize'),
      pagedResultsCookie: this.get('_pagedResultsCookie') || null,
      pagedResultsOffset: this.#count('_pagedResultsOffset'),
      totalPagedResultsPolicy: this.#policy,
    }
    if (parts.pagedResultsCookie !== null) checkCookie(parts)
    return parts
  }

  get #selection(): Pick<QueryParts, 'queryFilter' | 'queryId' | 'queryExpression'> {
    const [filter, id, expression] = QUERY_SELECTIONS.map((name) => this.get(name))
    const given = [filter, id, expression].filter((value) => value !== undefined)
    if (given.length !== 1) throw badRequest('A query takes exactly one of _queryFilter, _queryId and _queryExpression')
    if (filter !== undefined) return { queryFilter: parseQueryFilter(filter) }
    return id !== undefined ? { queryId: id } : { queryExpression: expression ?? '' }
  }

  get #policy(): TotalPagedResultsPolicy {
    const text = this.get('_totalPagedResultsPolicy')
    const policy = POLICIES.find((policy) => policy === (text ?? 'NONE').toUpperCase())
    if (!policy)
      throw badRequest(`The value '${text}' for parameter '_totalPagedResultsPolicy' must be one of ${POLICIES}`)
    return policy
  }

  #count(name: string): number {
    const text = this.get(name) ?? '0'
    const count = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
    if (count <= 0x7fffffff) return count
    throw badRequest(`The value '${text}' for parameter '${name}' could not be parsed as a valid integer from 0 up`)
  }
}

function checkCookie(parts: QueryParts): void {
  if (parts.pageSize === 0) throw badRequest('_pagedResultsCookie needs a _pageSize above 0')
  if (parts.pagedResultsOffset > 0)
    throw badRequest('_pagedResultsCookie and _pagedResultsOffset are mutually exclusive')
  if (parts.queryFilter === undefined) throw badRequest('_pagedResultsCookie needs a _queryFilter')
}

/** A parameter of a query string; reserved names are in canonical spelling. */
export interface QueryPair {
  readonly name: string
  /** Percent-encoded, as in the URL. */
  readonly rawValue: string
}

/**
 * The parameters of a query string (without `?`), in their order.
 * @throws badRequest for a name that is not percent-encoded UTF-8, or one that equals a reserved name only in a
 *   case-insensitive Unicode comparison: for a remote in Java `_actıon` is `_action`
 */
export function queryPairs(text: string): QueryPair[] {
  const pairs = text.split('&').filter((pair) => pair !== '')
  return pairs.map((pair) => {
    const equals = pair.indexOf('=')
    const rawName = equals < 0 ? pair : pair.slice(0, equals)
    const name = decodeText(rawName, rawName)
    if (name.startsWith('_') && /[^\0-\x7f]/.test(name))
      throw badRequest(`The request parameter '${name}' is not allowed`)
    return { name: canonicalName(name), rawValue: equals < 0 ? '' : pair.slice(equals + 1) }
  })
}

/** @throws badRequest when the value is not percent-encoded UTF-8 */
export const decodeValue = ({ name, rawValue }: QueryPair): string => decodeText(rawValue, name)

function decodeText(text: string, parameter: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw badRequest(`The request parameter '${parameter.slice(0, 100)}' is not percent-encoded UTF-8`)
  }
}

function parameterText(value: Json): string {
  if (Array.isArray(value)) return value.map(parameterText).join(',')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
