import { exactNumber, isLongNumber, type LongNumber } from '../../core/long-number.ts'

const MAX_LONG = 2n ** 63n - 1n
const LONG = /^[+-]?0*\d{1,19}$/
const DOUBLE = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/

export interface NumberLiteral {
  readonly value: number | LongNumber
  /** Present where it differs from `numberText(value)`. */
  readonly literal?: string
}

/** Parses a number as IDM does: with a point as a Double, without one as a Long; undefined when it is neither. */
export function parseNumber(text: string): NumberLiteral | undefined {
  return text.includes('.') ? parseDouble(text) : parseLong(text)
}

function parseLong(text: string): NumberLiteral | undefined {
  if (!LONG.test(text)) return undefined
  const long = BigInt(text)
  if (long > MAX_LONG || long < -MAX_LONG - 1n) return undefined
  return withLiteral(exactNumber(String(long), Number(long)), String(long))
}

function parseDouble(text: string): NumberLiteral | undefined {
  const value = DOUBLE.test(text) ? Number(text) : Number.NaN
  return Number.isFinite(value) ? withLiteral(value, doubleText(value)) : undefined
}

const withLiteral = (value: number | LongNumber, literal: string): NumberLiteral =>
  literal === numberText(value) ? { value } : { value, literal }

/** Prints a number for a filter: a safe integer as a Long, any other number as a Double. */
export function numberText(value: number | LongNumber): string {
  if (isLongNumber(value)) return value.rawJSON
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? String(value) : doubleText(value)
}

/** Java's `Double.toString`: always with a point, with an exponent from 10^7 up and below 10^-3. */
function doubleText(value: number): string {
  if (Object.is(value, -0)) return '-0.0'
  const size = Math.abs(value)
  if (value !== 0 && (size < 1e-3 || size >= 1e7)) {
    const [digits = '', exponent = ''] = value.toExponential().split('e')
    return `${withPoint(digits)}E${Number(exponent)}`
  }
  return withPoint(String(value))
}

const withPoint = (digits: string): string => (digits.includes('.') ? digits : `${digits}.0`)
