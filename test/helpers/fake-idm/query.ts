import type { Json, JsonObject } from '../../../lib/contract.ts'
import { badRequest, internalError } from '../../../lib/crest/errors.ts'
import { matches } from '../../../lib/crest/filter/evaluate.ts'
import { parseQueryFilter, type QueryFilter } from '../../../lib/crest/filter/query-filter.ts'
import { parseFields } from '../../../lib/crest/protocol/fields.ts'
import type { SortKey } from '../../../lib/crest/protocol/request.ts'
import { compareSortValues, parseSortKeys, sortValue } from '../../../lib/crest/protocol/sort.ts'
import { isMap, plain } from './exact-json.ts'
import type { Switches } from './options.ts'
import type { ObjectName } from './relationships.ts'
import { identityOf, represent, showEdge, visible } from './represent.ts'
import type { Entry, Store } from './store.ts'

export type Query = Readonly<Record<string, string>>

/** A row before projection. */
interface Row {
  /** The fields that filter and sort keys see; not computed for `_queryFilter=true`. */
  facts(): JsonObject
  show(): JsonObject
}

export function queryCollection(store: Store, collection: string, query: Query): JsonObject {
  const fields = query._queryId === 'query-all-ids' ? [['_id']] : parseFields(query._fields)
  const facts = factsOf(store)
  const rows = [...store.collection(collection).values()].map((entry) => ({
    facts: () => facts(entry),
    show: () => represent(store, collection, entry, fields),
  }))
  return answerQuery(store.switches, rows, query)
}

/** `managed/role/r1/members?_queryFilter=true`: the edges of one field, with fields of the far objects. */
export function queryEdges(store: Store, name: ObjectName, field: string, query: Query): JsonObject {
  const fields = parseFields(query._fields)
  const rows = store.relationships.edges(name, field).map((edge) => {
    const identity = { _id: edge.id, _rev: String(edge.revision) }
    const facts = () => seenBy(store.switches, { ...identity, ...showEdge(store, name, field, edge) })
    return { facts, show: () => ({ ...identity, ...showEdge(store, name, field, edge, fields) }) }
  })
  return answerQuery(store.switches, rows, query)
}

function answerQuery(switches: Switches, rows: readonly Row[], query: Query): JsonObject {
  if (query._countOnly !== undefined && switches.like === 'openidm')
    throw badRequest('Invalid query parameter: _countOnly')
  const filter = filterOf(query, switches)
  const sortKeys = parseSortKeys(query._sortKeys)
  // PingIDM pages by the sort values of the last object, OpenIDM by offset in repository order.
  const keys = switches.like === 'pingidm' ? [...sortKeys, BY_ID] : sortKeys
  const matching =
    filter.operator === 'literal' && filter.value ? rows : rows.filter((row) => matches(filter, row.facts()))
  const found = keys.length === 0 ? matching : matching.toSorted((one, other) => compare(keys, one, other))
  const pageSize = countOf(query, '_pageSize')
  const start = startOf(found, keys, query, switches)
  const page = pageSize > 0 ? found.slice(start, start + pageSize) : found.slice(start)
  const counts = switches.like === 'pingidm' && pageSize > 0 && query._totalPagedResultsPolicy === 'EXACT'
  return {
    result: page.map((row) => row.show()),
    resultCount: page.length,
    pagedResultsCookie: cookieOf(found, keys, start, page, pageSize, switches),
    totalPagedResultsPolicy: counts ? 'EXACT' : 'NONE',
    totalPagedResults: counts ? found.length : -1,
    remainingPagedResults: -1,
  }
}

const BY_ID: SortKey = { field: ['_id'], ascending: true }
const OPERATORS = ['eq', 'co', 'sw', 'gt', 'ge', 'lt', 'le', 'pr', 'and', 'or']

function filterOf(query: Query, { like }: Switches): QueryFilter {
  if (query._queryId === 'query-all' || query._queryId === 'query-all-ids') return { operator: 'literal', value: true }
  if (query._queryId !== undefined) throw badRequest(`The query ${query._queryId} is not known`)
  const text = query._queryFilter ?? ''
  if (like === 'pingidm') return parseQueryFilter(text)
  const operators = operatorsOf(text)
  if (operators.includes('in')) throw badRequest(`Invalid query filter: '${text}'`)
  const unknown = operators.find((operator) => !OPERATORS.includes(operator))
  if (unknown !== undefined) throw internalError(`Unsupported operator ${unknown}`)
  return parseQueryFilter(text)
}

/** The operators of a filter, found without the project's parser, which may reject what OpenIDM accepts. */
function operatorsOf(filter: string): string[] {
  const text = filter.replaceAll(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g, '""')
  return [...text.matchAll(/(?:^|[\s(!])[\w/.-]+\s+([A-Za-z]\w*)\s*(?=["[\d-]|true\b|false\b)/g)].map(
    ([, operator = '']) => operator.toLowerCase(),
  )
}

/** Facts by switch settings: entries are immutable, so each is computed once. */
const known = new Map<string, WeakMap<Entry, JsonObject>>()

/** Returns the fields that filter and sort keys see under the current switches. */
function factsOf(store: Store): (entry: Entry) => JsonObject {
  const { like, invisible, writeOnly, unsearchable } = store.switches
  const setting = JSON.stringify([like, invisible, writeOnly, unsearchable])
  const facts = known.get(setting) ?? new WeakMap<Entry, JsonObject>()
  known.set(setting, facts)
  return (entry) => {
    const content =
      facts.get(entry) ?? seenBy(store.switches, { ...visible(store, plain(entry.content)), ...identityOf(entry) })
    facts.set(entry, content)
    return content
  }
}

/** In OpenIDM a comparison never matches an element of a list, but the list is present. */
function seenBy({ like, unsearchable }: Switches, given: JsonObject): JsonObject {
  const object = Object.fromEntries(Object.entries(given).filter(([name]) => !unsearchable.includes(name)))
  const seen = (value: Json): Json => (Array.isArray(value) ? {} : isMap(value) ? withoutElements(value) : value)
  const withoutElements = (map: JsonObject): JsonObject =>
    Object.fromEntries(Object.entries(map).map(([name, value]) => [name, seen(value)]))
  return like === 'openidm' ? withoutElements(object) : object
}

const valuesOf = (keys: readonly SortKey[], row: Row) => keys.map(({ field }) => sortValue(row.facts(), field))

const compare = (keys: readonly SortKey[], one: Row, other: Row): number =>
  compareSortValues(keys, valuesOf(keys, one), valuesOf(keys, other))

function countOf(query: Query, name: string): number {
  const text = query[name] ?? '0'
  if (!/^\d{1,9}$/.test(text)) throw badRequest(`The value '${text}' for parameter '${name}' could not be parsed`)
  return Number(text)
}

function startOf(found: readonly Row[], keys: readonly SortKey[], query: Query, { like }: Switches): number {
  const cookie = query._pagedResultsCookie || undefined
  const offset = countOf(query, '_pagedResultsOffset')
  if (cookie === undefined) return offset
  if (query._pagedResultsOffset !== undefined) throw badRequest('Cannot specify both cookie and offset')
  if (countOf(query, '_pageSize') === 0) throw badRequest('A paged results cookie needs a page size')
  if (like === 'openidm') {
    if (!/^\d{1,9}$/.test(cookie)) throw badRequest('Invalid paged results cookie')
    return Number(cookie)
  }
  const last = decodeCookie(cookie)
  const start = found.findIndex((row) => compareSortValues(keys, valuesOf(keys, row), last) > 0)
  return start < 0 ? found.length : start
}

/** OpenIDM returns a cookie whenever the page is full, even after the last object. */
function cookieOf(
  found: readonly Row[],
  keys: readonly SortKey[],
  start: number,
  page: readonly Row[],
  pageSize: number,
  { like }: Switches,
): string | null {
  const last = page.at(-1)
  if (!last || pageSize === 0) return null
  if (like === 'openidm') return page.length === pageSize ? String(start + page.length) : null
  return start + page.length < found.length ? encodeCookie(valuesOf(keys, last)) : null
}

/** A list, because absent values keep their position. */
const encodeCookie = (values: readonly (Json | undefined)[]): string =>
  Buffer.from(JSON.stringify(values.map((value) => value ?? null))).toString('base64')

function decodeCookie(cookie: string): (Json | undefined)[] {
  try {
    return (JSON.parse(Buffer.from(cookie, 'base64').toString()) as Json[]).map((value) => value ?? undefined)
  } catch {
    throw badRequest('Invalid paged results cookie')
  }
}
