import { isDeepStrictEqual } from 'node:util'
import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'
import { badRequest, internalError, ResourceException } from '../../crest/errors.ts'
import { extensionIn } from '../../crest/filter/evaluate.ts'
import { type FilterValue, isFilterValue, parseQueryFilter, type QueryFilter } from '../../crest/filter/query-filter.ts'
import { type Pointer, printPointer } from '../../crest/pointer.ts'
import type { WriteRecorder } from '../../crest/protocol/recorder.ts'
import { type ExpressionTree, treeFields } from '../mapping/correlation-schema.ts'
import type { Mapping, Property } from '../mapping/mapping.ts'
import type { ScriptCall, Scripts } from '../mapping/scripts.ts'
import { valuesOf } from './mapper.ts'

/** A source object to correlate. */
export interface CorrelationTask {
  readonly source: JsonObject
  readonly linkQualifier: string
  /** Records the writes of scripts; undefined = they are executed. */
  readonly recorder?: WriteRecorder | undefined
}

/** One run of a script for a source. */
export const callOf = ({ source, linkQualifier, recorder }: CorrelationTask): ScriptCall => ({
  variables: { source, linkQualifier },
  recorder,
})

/** How to find the targets of one source. */
export type Lookup =
  | { readonly kind: 'none' }
  | { readonly kind: 'filter'; readonly filter: QueryFilter }
  /** A query with more than a filter: only the target itself can answer it. */
  | { readonly kind: 'query'; readonly params: JsonObject }
  /** Already found by the script itself. */
  | { readonly kind: 'ids'; readonly ids: readonly string[] }
  | { readonly kind: 'failed'; readonly failure: ResourceException }

const NONE: Lookup = { kind: 'none' }

/** Whether the mapping correlates at all. */
export const correlates = ({ correlationQuery, correlationScript }: Mapping): boolean =>
  correlationQuery.size > 0 || correlationScript !== undefined

/** Fields of the target that sources will be correlated by, as far as that is known in advance. */
export const correlatedFields = ({ correlationQuery }: Mapping): Pointer[] =>
  [...correlationQuery.values()].flatMap((query) => ('tree' in query ? treeFields(query.tree) : []))

/** Runs each correlation script once for all of its sources. */
export async function lookups(
  mapping: Mapping,
  tasks: readonly CorrelationTask[],
  scripts: Scripts,
): Promise<Lookup[]> {
  const found: Lookup[] = tasks.map(() => NONE)
  const groups = Map.groupBy(tasks.keys(), (index) => tasks[index]?.linkQualifier ?? '')
  for (const [qualifier, indexes] of groups) {
    const group = indexes.flatMap((index) => tasks[index] ?? [])
    const answers = await lookupsOf(mapping, qualifier, group, scripts)
    for (const [place, index] of indexes.entries()) found[index] = answers[place] ?? NONE
  }
  return found
}

async function lookupsOf(
  mapping: Mapping,
  qualifier: string,
  tasks: readonly CorrelationTask[],
  scripts: Scripts,
): Promise<Lookup[]> {
  const query = mapping.correlationQuery.get(qualifier)
  if (query && 'tree' in query) return byTree(mapping, query.tree, tasks, scripts)
  const script = query?.script ?? mapping.correlationScript
  if (!script) return tasks.map(() => NONE)
  const results = await scripts.runMany({ script, calls: tasks.map(callOf) })
  const read = query ? ofQuery : ofList
  return results.map((result) =>
    result instanceof ResourceException ? { kind: 'failed', failure: result } : read(result.value),
  )
}

/** The result of `correlationQuery`: a query object. */
function ofQuery(value: Json): Lookup {
  if (value === null) return NONE
  if (!isObject(value)) return failed('correlationQuery: the script must yield a query, such as {"_queryFilter": "…"}')
  const { _queryFilter: filter, ...rest } = value
  if (filter === undefined || filter === null || Object.keys(rest).some((name) => !BESIDES.has(name)))
    return { kind: 'query', params: value }
  try {
    const parsed = parseQueryFilter(String(filter))
    return extensionIn(parsed) === undefined ? { kind: 'filter', filter: parsed } : { kind: 'query', params: value }
  } catch (error) {
    return { kind: 'failed', failure: error instanceof ResourceException ? error : badRequest(String(error)) }
  }
}

/** Parameters that do not change which objects are found. */
const BESIDES: ReadonlySet<string> = new Set(['_fields', '_sortKeys'])

/** The result of `correlationScript`: a list of objects with `_id`. */
function ofList(value: Json): Lookup {
  if (value === null) return NONE
  const ids = Array.isArray(value) ? value.map((item) => (isObject(item) ? item._id : undefined)) : undefined
  if (!ids?.every((id) => typeof id === 'string'))
    return failed('correlationScript: the script must yield a list of objects with _id')
  return { kind: 'ids', ids: [...new Set(ids)] }
}

const failed = (message: string): Lookup => ({ kind: 'failed', failure: internalError(message) })

/** Like the vendor's `ui/correlateTreeToQueryFilter.js`: each field must have the value that the mapping would set. */
async function byTree(
  { properties }: Mapping,
  tree: ExpressionTree,
  tasks: readonly CorrelationTask[],
  scripts: Scripts,
): Promise<Lookup[]> {
  const values = new Map<string, (Json | ResourceException)[]>()
  for (const field of treeFields(tree)) {
    const property = properties.find(({ target }) => isDeepStrictEqual(target, field))
    const missing = internalError(`correlationQuery: no property of the mapping has the target ${printPointer(field)}`)
    const none = property ? null : missing
    values.set(
      printPointer(field),
      property && isUnconditional(property) ? await valuesOf(property, tasks, scripts) : tasks.map(() => none),
    )
  }
  return tasks.map((_, index) => {
    const own = new Map([...values].map(([name, list]) => [name, list[index] ?? null] as const))
    const failure = [...own.values()].find((value) => value instanceof ResourceException)
    if (failure instanceof ResourceException) return { kind: 'failed', failure }
    return { kind: 'filter', filter: filterOf(tree, own as ReadonlyMap<string, Json>) }
  })
}

/** Where a script decides whether a field is mapped, IDM searches for no value: no target matches by this field. */
const isUnconditional = ({ condition }: Property): boolean => !(condition && 'script' in condition)

function filterOf(tree: ExpressionTree, values: ReadonlyMap<string, Json>): QueryFilter {
  if ('any' in tree) return { operator: 'or', filters: tree.any.map((node) => filterOf(node, values)) }
  if ('all' in tree) return { operator: 'and', filters: tree.all.map((node) => filterOf(node, values)) }
  const value = values.get(printPointer(tree)) ?? null
  return isUsable(value) ? { operator: 'eq', field: tree, value } : { operator: 'literal', value: false }
}

/** A source without a value does not correlate by it. */
const isUsable = (value: Json): value is FilterValue => isFilterValue(value) && value !== ''
