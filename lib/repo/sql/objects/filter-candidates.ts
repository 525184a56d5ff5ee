import type { ComparisonFilter, FilterValue, QueryFilter } from '../../../crest/filter/query-filter.ts'
import { type Pointer, printPointer } from '../../../crest/pointer.ts'
import { coarse, orderKey, prefixEnd, typeEnd, typeStart } from '../../objects/order-key.ts'
import { type RawBuilder, sql } from '../statements/kysely.ts'
import type { PropertyIndex } from './property-index.ts'
import type { Window } from './windows.ts'

/** A stretch of an index, both ends included; one value when they are the same. */
export interface KeyRange {
  readonly property: number
  readonly from: string
  readonly to: string
}

/** More ranges are no shorter way to the objects than looking at all. */
const MAX_RANGES = 20
const MAX_VALUES = 5000

/**
 * Where an index has every object that can satisfy `filter` (and some that do not: the condition is still to be
 * judged); undefined when no index narrows it down.
 */
export function filterCandidates(
  filter: QueryFilter,
  indexes: readonly PropertyIndex[],
): readonly KeyRange[] | undefined {
  const ranges = rangesOf(filter, indexes)
  if (!ranges) return undefined
  const values = ranges.filter(isValue).length
  return values <= MAX_VALUES && ranges.length - values <= MAX_RANGES ? ranges : undefined
}

function rangesOf(filter: QueryFilter, indexes: readonly PropertyIndex[]): readonly KeyRange[] | undefined {
  if (filter.operator === 'or') return union(filter.filters.map((operand) => rangesOf(operand, indexes)))
  if (filter.operator === 'and') return narrowest(filter.filters.map((operand) => rangesOf(operand, indexes)))
  if (filter.operator === 'literal') return filter.value ? undefined : []
  if (!('field' in filter)) return undefined
  const property = indexOf(filter.field, indexes)
  if (!property) return undefined
  if (filter.operator === 'in') return filter.values.map((value) => single(property, value))
  return 'value' in filter && filter.operator !== 'extension' ? comparisonRange(property, filter) : undefined
}

const indexOf = (field: Pointer, indexes: readonly PropertyIndex[]): PropertyIndex | undefined =>
  indexes.find(({ property, ready }) => ready && property === printPointer(field))

function comparisonRange(
  { key: property }: PropertyIndex,
  { operator, value }: ComparisonFilter,
): readonly KeyRange[] | undefined {
  const key = coarse(orderKey(value))
  switch (operator) {
    case 'eq':
      return [{ property, from: key, to: key }]
    case 'lt':
    case 'le':
      return [{ property, from: typeStart(value), to: key }]
    case 'gt':
    case 'ge':
      return [{ property, from: key, to: typeEnd(value) }]
    case 'sw':
      return isPlainText(value) ? [{ property, from: key, to: prefixEnd(key) }] : undefined
    default:
      return undefined
  }
}

const single = ({ key: property }: PropertyIndex, value: FilterValue): KeyRange => {
  const key = coarse(orderKey(value))
  return { property, from: key, to: key }
}

/**
 * `sw` and the index turn letters small in two ways, which agree on what a text must begin with only as long as that
 * is ASCII.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
const isPlainText = (value: FilterValue): boolean => typeof value === 'string' && /^[\x00-\x7f]+$/.test(value)

function union(operands: readonly (readonly KeyRange[] | undefined)[]): readonly KeyRange[] | undefined {
  const known = operands.filter((ranges) => ranges !== undefined)
  return known.length === operands.length ? known.flat() : undefined
}

/** Single values before stretches, then the fewest. */
function narrowest(operands: readonly (readonly KeyRange[] | undefined)[]): readonly KeyRange[] | undefined {
  const known = operands.filter((ranges) => ranges !== undefined)
  const breadth = (ranges: readonly KeyRange[]) =>
    ranges.length + MAX_VALUES * ranges.filter((range) => !isValue(range)).length
  return known.sort((left, right) => breadth(left) - breadth(right))[0]
}

const isValue = ({ from, to }: KeyRange): boolean => from === to

/** The field of each comparison. */
export function fieldsOf(filter: QueryFilter): Pointer[] {
  switch (filter.operator) {
    case 'literal':
      return []
    case 'and':
    case 'or':
      return filter.filters.flatMap(fieldsOf)
    case 'not':
      return fieldsOf(filter.filter)
    default:
      return [filter.field]
  }
}

/** A query for the keys of the objects in `ranges`; one that is in several may come more than once. */
export function candidateKeys(ranges: readonly KeyRange[]): RawBuilder<unknown> {
  const select = (property: number) => sql`select object from property_value where property = ${property} and order_key`
  const byProperty = Map.groupBy(ranges.filter(isValue), ({ property }) => property)
  const values = [...byProperty].map(
    ([property, ranges]) => sql`${select(property)} in (${sql.join(ranges.map(({ from }) => from))})`,
  )
  const stretches = ranges
    .filter((range) => !isValue(range))
    .map(({ property, from, to }) => sql`${select(property)} between ${from} and ${to}`)
  const parts = [...values, ...stretches]
  return parts.length === 0 ? sql`select 0 as object where 1 = 0` : sql.join(parts, sql` union all `)
}

/** The objects in `ranges`. A cross join is one that SQLite does in the order it is written. */
export const candidateWindow = (ranges: readonly KeyRange[]): Window => ({
  source: sql`(select distinct object from (${candidateKeys(ranges)}) as candidate) as w cross join object as o`,
  condition: sql`o.key = w.object`,
})
