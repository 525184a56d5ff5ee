import type { Json } from '../../contract.ts'
import { compareNumbers, isNumber } from '../../core/long-number.ts'

/**
 * Compares two values for filters and sort keys: strings ignoring case, numbers by size, false before true. Values of
 * different types have a fixed order, so that the order is total.
 */
export function compareValues(left: Json, right: Json): number {
  if (typeof left === 'string' && typeof right === 'string') return compareIgnoringCase(left, right)
  if (isNumber(left) && isNumber(right)) return compareNumbers(left, right)
  if (typeof left === 'boolean' && typeof right === 'boolean') return Number(left) - Number(right)
  return typeRank(left) - typeRank(right)
}

/** Like Java's `compareToIgnoreCase`: by folded characters, independent of the locale. */
function compareIgnoringCase(left: string, right: string): number {
  const length = Math.min(left.length, right.length)
  for (let index = 0; index < length; index++) {
    if (left[index] === right[index]) continue
    const order = foldedCode(left, index) - foldedCode(right, index)
    if (order !== 0) return order
  }
  return left.length - right.length
}

/** Folds by way of the capital, which `ς` and `σ` share. A character with a capital of several (`ß`) is not folded. */
function foldedCode(text: string, index: number): number {
  const character = text.charAt(index)
  const upper = character.toUpperCase()
  return (upper.length === 1 ? upper : character).toLowerCase().charCodeAt(0)
}

/** The JSON type of a value, named as by `typeof`. */
export function kindOf(value: Json): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return isNumber(value) ? 'number' : typeof value
}

const TYPES = ['boolean', 'number', 'string', 'array']

/** The order of Java's class names: Boolean, Double and Long, String, then lists, then maps. */
function typeRank(value: Json): number {
  const rank = TYPES.indexOf(kindOf(value))
  return rank >= 0 ? rank : TYPES.length
}
