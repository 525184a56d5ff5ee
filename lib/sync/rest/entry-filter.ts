import type { QueryFilter } from '../../crest/filter/query-filter.ts'

/** The members of an entry that are lists of objects. */
const LISTS: ReadonlySet<string> = new Set(['changes', 'writes'])

/**
 * The filter over the entries of a plan in which `changes/field eq "/sn"` means that one of the changes has it:
 * `changes[/field eq "/sn"]`.
 */
export function throughLists(filter: QueryFilter): QueryFilter {
  if (filter.operator === 'and' || filter.operator === 'or')
    return { ...filter, filters: filter.filters.map(throughLists) }
  if (filter.operator === 'not') return { ...filter, filter: throughLists(filter.filter) }
  if (!('field' in filter)) return filter
  const place = filter.field.findIndex((name) => LISTS.has(name))
  const [first, ...rest] = filter.field.slice(place + 1)
  if (place < 0 || first === undefined || /^\d+$/.test(first)) return filter
  const inner = { ...filter, field: [first, ...rest] } as QueryFilter
  return { operator: 'element', field: filter.field.slice(0, place + 1), filter: inner }
}
