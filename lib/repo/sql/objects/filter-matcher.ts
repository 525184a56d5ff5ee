import type { Json, JsonObject } from '../../../contract.ts'
import { matches } from '../../../crest/filter/evaluate.ts'
import { type FilterValue, isFilterValue, type QueryFilter } from '../../../crest/filter/query-filter.ts'
import { getAt, type Pointer } from '../../../crest/pointer.ts'
import { orderKey } from '../../objects/order-key.ts'

export type Matcher = (object: JsonObject) => boolean

/**
 * Does what `matches` does, for a filter that is asked of many objects: a long list of values that a field may have
 * is looked up and not gone through, so that a batch of a thousand ids costs little more than one.
 */
export function matcherOf(filter: QueryFilter): Matcher {
  switch (filter.operator) {
    case 'and': {
      const operands = filter.filters.map(matcherOf)
      return (object) => operands.every((operand) => operand(object))
    }
    case 'or':
      return anyOf(filter.filters)
    case 'not': {
      const operand = matcherOf(filter.filter)
      return (object) => !operand(object)
    }
    case 'in':
      return oneOf(filter.field, filter.values)
    default:
      return (object) => matches(filter, object)
  }
}

function anyOf(filters: readonly QueryFilter[]): Matcher {
  const lists = filters.flatMap(asList)
  const byField = Map.groupBy(lists, ({ field }) => JSON.stringify(field))
  const lookups = [...byField.values()].map((lists) =>
    oneOf(
      lists[0]?.field ?? [],
      lists.flatMap(({ values }) => values),
    ),
  )
  const operands = [...lookups, ...filters.filter((filter) => asList(filter).length === 0).map(matcherOf)]
  return (object) => operands.some((operand) => operand(object))
}

/** An equality or a list, as a list; nothing for any other filter. */
function asList(filter: QueryFilter): readonly { field: Pointer; values: readonly FilterValue[] }[] {
  if (filter.operator === 'in') return [filter]
  return filter.operator === 'eq' ? [{ field: filter.field, values: [filter.value] }] : []
}

/** What has the same order key is equal. */
function oneOf(field: Pointer, values: readonly FilterValue[]): Matcher {
  const keys = new Set(values.map(orderKey))
  return (object) => {
    const found = getAt(object, field)
    return Array.isArray(found) ? found.some((element) => isIn(keys, element)) : isIn(keys, found)
  }
}

const isIn = (keys: ReadonlySet<string>, value: Json | undefined): boolean =>
  isFilterValue(value) && keys.has(orderKey(value))
