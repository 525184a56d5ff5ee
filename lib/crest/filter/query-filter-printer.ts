import { isNumber } from '../../core/long-number.ts'
import { printPointer } from '../pointer.ts'
import { numberText } from './filter-number.ts'
import type { FilterValue, QueryFilter } from './syntax-tree.ts'

/** The inverse of parseQueryFilter, without URL encoding. */
export function printQueryFilter(filter: QueryFilter): string {
  switch (filter.operator) {
    case 'literal':
      return String(filter.value)
    case 'and':
    case 'or':
      return printJunction(filter.operator, filter.filters)
    case 'not':
      return `! (${printQueryFilter(filter.filter)})`
    case 'pr':
      return `${printPointer(filter.field)} pr`
    case 'in':
      return `${printPointer(filter.field)} in ${quote(JSON.stringify(filter.values))}`
    case 'element':
      return `${printPointer(filter.field)}[${inBrackets(printQueryFilter(filter.filter))}]`
    case 'extension':
      return `${printPointer(filter.field)} ${filter.name} ${filter.literal ?? printValue(filter.value)}`
    default:
      return `${printPointer(filter.field)} ${filter.operator} ${filter.literal ?? printValue(filter.value)}`
  }
}

function printJunction(operator: 'and' | 'or', filters: readonly QueryFilter[]): string {
  const [first, ...others] = filters.map(printQueryFilter)
  if (first === undefined) return String(operator === 'and')
  return others.length === 0 ? first : `(${[first, ...others].join(` ${operator} `)})`
}

/** A bracket only opens an element filter before `/` or `(`. */
const inBrackets = (text: string): string => (text.startsWith('/') ? text : `(${text})`)

function printValue(value: FilterValue): string {
  if (typeof value === 'string') return quote(value)
  return isNumber(value) ? numberText(value) : String(value)
}

const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`
