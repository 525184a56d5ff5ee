import {
  addDecimals,
  compareDecimals,
  type Decimal,
  decimalOf,
  decimalText,
  isWholeDecimal,
  truncateDecimal,
} from './decimal.ts'

/**
 * Numbers that are not exact as a double: `9007199254740993`, `0.1000000000000000000001`, `1e400`. They keep their text as
 * raw JSON values of JavaScript (`JSON.rawJSON`), which `JSON.stringify` prints unchanged.
 */

/** A number as text. It is frozen, has no prototype, and `structuredClone` refuses it. */
export type LongNumber = { readonly rawJSON: string }

declare global {
  interface JSON {
    rawJSON(text: string): LongNumber
    isRawJSON(value: unknown): value is LongNumber
  }
}

export const isLongNumber = (value: unknown): value is LongNumber =>
  // Most values have no such member, and `isRawJSON` is a call into the engine. Loading it takes half the time of `in`.
  typeof value === 'object' &&
  value !== null &&
  (value as Partial<LongNumber>).rawJSON !== undefined &&
  JSON.isRawJSON(value)

export const isNumber = (value: unknown): value is number | LongNumber =>
  typeof value === 'number' || isLongNumber(value)

/** Any number with at most this many digits is exact as a double. */
const SAFE_DIGITS = 15

/** The number in JSON text, as a double where that is exact. @param value the result of JSON.parse */
export const exactNumber = (source: string, value: number): number | LongNumber =>
  (source.length <= SAFE_DIGITS && !/e/i.test(source)) || isExact(source, value) ? value : JSON.rawJSON(source)

/** The nearest double, for scripts and arithmetic. */
export const toDouble = (value: number | LongNumber): number =>
  typeof value === 'number' ? value : Number(value.rawJSON)

/** Like `String`, which throws for a LongNumber. */
export const textOf = (value: unknown): string => (isLongNumber(value) ? value.rawJSON : String(value))

/** Compares two numbers by their decimal digits; for a double, those that `String` prints. */
export function compareNumbers(left: number | LongNumber, right: number | LongNumber): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right
  return compareDecimals(decimalOf(textOf(left)), decimalOf(textOf(right)))
}

/** Whether it has no fraction. */
export const isWhole = (value: number | LongNumber): boolean =>
  typeof value === 'number' ? Number.isInteger(value) : isWholeDecimal(decimalOf(value.rawJSON))

/** Without its fraction. */
export function truncate(value: number | LongNumber): number | LongNumber {
  if (typeof value === 'number') return Math.trunc(value)
  return numberOf(truncateDecimal(decimalOf(value.rawJSON)))
}

/**
 * The sum of two doubles; exact where one of them is long, or a whole sum is too large for a double.
 * @throws RangeError when the exact sum would have thousands of digits
 */
export function addNumbers(left: number | LongNumber, right: number | LongNumber): number | LongNumber {
  if (typeof left === 'number' && typeof right === 'number') {
    const sum = left + right
    if (!isWhole(left) || !isWhole(right) || Number.isSafeInteger(sum)) return sum
  }
  return numberOf(addDecimals(decimalOf(textOf(left)), decimalOf(textOf(right))))
}

function numberOf(decimal: Decimal): number | LongNumber {
  const text = decimalText(decimal)
  return exactNumber(text, Number(text))
}

function isExact(source: string, value: number): boolean {
  return Number.isFinite(value) && compareDecimals(decimalOf(source), decimalOf(String(value))) === 0
}
