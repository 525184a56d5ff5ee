import type { QueryFilter } from '../../crest/filter/query-filter.ts'
import type { Pointer } from '../../crest/pointer.ts'
import { printPointer } from '../../crest/pointer.ts'
import type { WantedValue } from '../../repo/runs/run-snapshot.ts'

/** Values of which every object that matches `filter` has at least one; undefined = the filter implies none. */
export function wantedValues(filter: QueryFilter): readonly WantedValue[] | undefined {
  switch (filter.operator) {
    case 'eq':
      return [{ field: printPointer(filter.field), value: filter.value }]
    case 'in':
      return filter.values.map((value) => ({ field: printPointer(filter.field), value }))
    case 'literal':
      return filter.value ? undefined : []
    case 'or': {
      const operands = filter.filters.map(wantedValues)
      return operands.every((values) => values !== undefined) ? operands.flat() : undefined
    }
    case 'and': {
      const operands = filter.filters.map(wantedValues).filter((values) => values !== undefined)
      return operands.sort((left, right) => left.length - right.length)[0]
    }
    default:
      return undefined
  }
}

/** The fields of those values. */
export function wantedFields(filter: QueryFilter): Pointer[] {
  if ('filters' in filter) return filter.filters.flatMap(wantedFields)
  return filter.operator === 'eq' || filter.operator === 'in' ? [filter.field] : []
}
