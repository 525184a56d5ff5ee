import type { Json } from '../../contract.ts'
import { MAX_IN_VALUES } from '../../core/bounds.ts'
import { parseJson } from '../../core/json.ts'
import { isNumber } from '../../core/long-number.ts'
import { type Pointer, parsePointer } from '../pointer.ts'
import { parseNumber } from './filter-number.ts'
import { FilterTokens, type Token } from './filter-tokens.ts'
import { COMPARISONS, type ComparisonOperator, EXTENSIONS, type FilterValue, type QueryFilter } from './syntax-tree.ts'

/** IDM stops at 256 calls of its four rules, which is where the 64th level of parentheses begins. */
const MAX_NESTING = 63

/**
 * Parses a query filter: `!`, `and`, `or` in this order of precedence, words in either case, and the details (spaces,
 * escapes, numbers) as in IDM's parser. IDM also accepts any word as an operator and `!name` as a field, both of which
 * match nothing. They are refused here, since a typing error would turn a condition into `false`.
 * @throws badRequest that names the position of the fault
 */
export function parseQueryFilter(text: string): QueryFilter {
  const tokens = new FilterTokens(text)
  const filter = parseOr(tokens, 0)
  tokens.expectEnd()
  return filter
}

const parseOr = (tokens: FilterTokens, level: number): QueryFilter => parseJunction('or', parseAnd, tokens, level)
const parseAnd = (tokens: FilterTokens, level: number): QueryFilter => parseJunction('and', parseNot, tokens, level)

function parseJunction(
  operator: 'and' | 'or',
  parseOperand: (tokens: FilterTokens, level: number) => QueryFilter,
  tokens: FilterTokens,
  level: number,
): QueryFilter {
  const first = parseOperand(tokens, level)
  if (!isWord(tokens.peek(), operator)) return first
  const filters = [first]
  while (isWord(tokens.peek(), operator)) {
    tokens.next(operator)
    filters.push(parseOperand(tokens, level))
  }
  return { operator, filters }
}

function parseNot(tokens: FilterTokens, level: number): QueryFilter {
  if (!isWord(tokens.peek(), '!')) return parsePrimary(tokens, level)
  tokens.next('!')
  return { operator: 'not', filter: parsePrimary(tokens, level) }
}

function parsePrimary(tokens: FilterTokens, level: number): QueryFilter {
  const token = tokens.next('an expression')
  tokens.countNode()
  if (level > MAX_NESTING) throw tokens.fail(`more than ${MAX_NESTING} levels are nested`, token.position)
  if (token.kind === '(') {
    const filter = parseOr(tokens, level + 1)
    tokens.expect(')')
    return filter
  }
  if (token.kind !== 'word') throw tokens.fail('a field, true, false or ( is expected', token.position)
  if (isWord(token, 'true') || isWord(token, 'false')) return { operator: 'literal', value: isWord(token, 'true') }
  if (token.text.startsWith('!'))
    throw tokens.fail(`'${token.text}' is no field; a negation is written !(${token.text.slice(1)} …)`, token.position)
  return parseAssertion(parsePointer(token.text), tokens, level)
}

function parseAssertion(field: Pointer, tokens: FilterTokens, level: number): QueryFilter {
  const token = tokens.next('an operator')
  if (token.kind === '[') {
    const filter = parseOr(tokens, level + 1)
    tokens.expect(']')
    return { operator: 'element', field, filter }
  }
  const operator = token.kind === 'word' ? token.text.toLowerCase() : ''
  if (operator === 'pr') return { operator, field }
  if (operator === 'in') return { operator, field, values: parseList(tokens) }
  if (isComparison(operator)) return { operator, field, ...parseValue(tokens) }
  const name = EXTENSIONS.find((extension) => extension.toLowerCase() === operator)
  if (name) return { operator: 'extension', name, field, ...parseValue(tokens) }
  const unknown = token.kind === 'word' ? `there is no operator '${token.text}'` : 'an operator is expected'
  throw tokens.fail(`${unknown} (${[...COMPARISONS, 'pr', 'in', ...EXTENSIONS].join(', ')})`, token.position)
}

const isComparison = (operator: string): operator is ComparisonOperator =>
  (COMPARISONS as readonly string[]).includes(operator)

function parseValue(tokens: FilterTokens): { value: FilterValue; literal?: string } {
  const token = tokens.next('a value')
  if (token.kind === 'string') return { value: token.text }
  if (isWord(token, 'true') || isWord(token, 'false')) return { value: isWord(token, 'true') }
  const number = token.kind === 'word' ? parseNumber(token.text) : undefined
  if (!number) throw tokens.fail('a quoted string, a number, true or false is expected', token.position)
  return number
}

function parseList(tokens: FilterTokens): FilterValue[] {
  const token = tokens.next('a list')
  const list = token.kind === 'string' ? jsonOrUndefined(token.text) : undefined
  if (Array.isArray(list) && list.length > MAX_IN_VALUES)
    throw tokens.fail(`the list has more than ${MAX_IN_VALUES} values`, token.position)
  if (Array.isArray(list) && list.every(isFilterValue)) return list
  throw tokens.fail(`a quoted JSON array of strings, numbers or booleans is expected: '["a","b"]'`, token.position)
}

function jsonOrUndefined(text: string): Json | undefined {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

export const isFilterValue = (value: Json | undefined): value is FilterValue =>
  typeof value === 'string' || typeof value === 'boolean' || isNumber(value)

const isWord = (token: Token | undefined, word: string): boolean =>
  token?.kind === 'word' && token.text.toLowerCase() === word
