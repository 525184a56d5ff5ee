import type { Json, JsonObject } from '../../contract.ts'
import { badRequest } from '../errors.ts'
import { getAt, type Pointer } from '../pointer.ts'
import { compareValues, kindOf } from './compare.ts'
import type { ComparisonOperator, FilterValue, QueryFilter } from './syntax-tree.ts'

/**
 * Returns the filter when it can be evaluated here.
 * @throws badRequest for an operator of system endpoints
 */
export function evaluable(filter: QueryFilter): QueryFilter {
  const name = extensionIn(filter)
  if (name === undefined) return filter
  throw badRequest(`The operator ${name} is not supported here: only some system endpoints have it`)
}

/** The first extension operator in a filter; undefined when there is none. */
export function extensionIn(filter: QueryFilter): string | undefined {
  if (filter.operator === 'extension') return filter.name
  const operands = 'filters' in filter ? filter.filters : 'filter' in filter ? [filter.filter] : []
  for (const operand of operands) {
    const name = extensionIn(operand)
    if (name !== undefined) return name
  }
  return undefined
}

/**
 * Whether `object` (with `_id` and `_rev`) matches the filter by the rules of IDM's evaluator: strings are compared
 * ignoring case, values of different types never match, a list matches when any element does, and an extension operator
 * matches nothing.
 */
export const matches = (filter: QueryFilter, object: JsonObject): boolean => matchesValue(filter, object)

function matchesValue(filter: QueryFilter, value: Json): boolean {
  switch (filter.operator) {
    case 'literal':
      return filter.value
    case 'and':
      return filter.filters.every((operand) => matchesValue(operand, value))
    case 'or':
      return filter.filters.some((operand) => matchesValue(operand, value))
    case 'not':
      return !matchesValue(filter.filter, value)
    case 'pr':
      return (getAt(value, filter.field) ?? null) !== null
    case 'in':
      return valuesAt(value, filter.field).some((found) => filter.values.some((wanted) => holds('eq', found, wanted)))
    case 'element':
      return elementsAt(value, filter.field).some((element) => matchesValue(filter.filter, element))
    case 'extension':
      return false
    default:
      return valuesAt(value, filter.field).some((found) => holds(filter.operator, found, filter.value))
  }
}

function valuesAt(value: Json, field: Pointer): readonly Json[] {
  const found = getAt(value, field)
  if (found === undefined) return []
  return Array.isArray(found) ? found : [found]
}

function elementsAt(value: Json, field: Pointer): readonly Json[] {
  const found = getAt(value, field)
  return Array.isArray(found) ? found : []
}

function holds(operator: ComparisonOperator, found: Json, wanted: FilterValue): boolean {
  if (kindOf(found) !== kindOf(wanted)) return false
  if (operator === 'co' || operator === 'sw') return holdsText(operator, found, wanted)
  const order = compareValues(found, wanted)
  return ORDERS[operator](order)
}

/** For numbers and booleans `co` and `sw` mean equality. */
function holdsText(operator: 'co' | 'sw', found: Json, wanted: FilterValue): boolean {
  if (typeof found !== 'string' || typeof wanted !== 'string') return compareValues(found, wanted) === 0
  const text = found.toLowerCase()
  return operator === 'co' ? text.includes(wanted.toLowerCase()) : text.startsWith(wanted.toLowerCase())
}

const ORDERS: Readonly<Record<Exclude<ComparisonOperator, 'co' | 'sw'>, (order: number) => boolean>> = {
  eq: (order) => order === 0,
  lt: (order) => order < 0,
  le: (order) => order <= 0,
  gt: (order) => order > 0,
  ge: (order) => order >= 0,
}
