import type { Json } from '../../contract.ts'
import { compareNumbers, isNumber } from '../../core/long-number.ts'

/**
 * The order of two values in filters and sort keys: strings without regard to case, numbers by size, false before
 * true. Values of different types come in a fixed order, so that a sort stays total.
 * @returns below, above or equal to zero, as a comparator does
 */
export function compareValues(left: Json, right: Json): number {
  if (typeof left === 'string' && typeof right === 'string') return compareIgnoringCase(left, right)
  if (isNumber(left) && isNumber(right)) return compareNumbers(left, right)
  if (typeof left === 'boolean' && typeof right === 'boolean') return Number(left) - Number(right)
  return typeRank(left) - typeRank(right)
}

/** By character after folding each, as Java's `compareToIgnoreCase`: locales have no say, so every host agrees. */
function compareIgnoringCase(left: string, right: string): number {
  const length = Math.min(left.length, right.length)
  for (let index = 0; index < length; index++) {
    if (left[index] === right[index]) continue
    const order = foldedCode(left, index) - foldedCode(right, index)
    if (order !== 0) return order
  }
  return left.length - right.length
}

/** The capital first: `ς` and `σ` share it. A character whose capital is several (`ß`) stands for itself. */
function foldedCode(text: string, index: number): number {
  const character = text.charAt(index)
  const upper = character.toUpperCase()
  return (upper.length === 1 ? upper : character).toLowerCase().charCodeAt(0)
}

/** The JSON type of a value, in the words of `typeof`. */
export function kindOf(value: Json): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return isNumber(value) ? 'number' : typeof value
}

const TYPES = ['boolean', 'number', 'string', 'array']

/** Java's class names decide there: Boolean, Double and Long, String, then lists, then maps. */
function typeRank(value: Json): number {
  const rank = TYPES.indexOf(kindOf(value))
  return rank >= 0 ? rank : TYPES.length
}
