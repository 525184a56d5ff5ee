import type { Json } from '../../contract.ts'
import { decimalOf } from '../../core/decimal.ts'
import { compareNumbers, isLongNumber, type LongNumber, toDouble } from '../../core/long-number.ts'

/**
 * A text for a value, such that texts compare byte by byte as `compareValues` compares the values: what is equal there
 * has the same text. So a database needs to know neither types nor case to sort and to look up as memory does. The
 * texts hold no character beyond U+E001 and no surrogate, hence UTF-8, UTF-16 and code points order them alike; and no
 * U+0000, where Node 22 takes a text of its SQLite to end.
 */
export function orderKey(value: Json): string {
  if (typeof value === 'boolean') return value ? '01' : '00'
  if (typeof value === 'number') return `1${numberKey(value)}`
  if (isLongNumber(value)) return `1${longKey(value)}`
  if (typeof value === 'string') return `2${foldedKey(value)}`
  return Array.isArray(value) ? '3' : '4'
}

/** The keys of all values of the type of `value` lie from here to `typeEnd`, which is no key itself. */
export const typeStart = (value: Json): string => orderKey(value).charAt(0)
export const typeEnd = (value: Json): string => String.fromCharCode(typeStart(value).charCodeAt(0) + 1)

/** Behind all keys: stands for a value that is not there. */
export const ABSENT = '~'

/** How much of a key an index keeps. A beginning sorts as the whole does, only less finely. */
const INDEXED_LENGTH = 256
export const coarse = (key: string): string => key.slice(0, INDEXED_LENGTH)

/** Behind every text that starts with `prefix`. */
export const prefixEnd = (prefix: string): string => `${prefix}\uffff`

const hex = (number: number | bigint, digits: number): string => number.toString(16).padStart(digits, '0')

const bits = new DataView(new ArrayBuffer(8))

/** The bits of the double; a negative one has all of them turned, a positive one only the sign. */
function numberKey(value: number): string {
  bits.setFloat64(0, value === 0 ? 0 : value)
  const pattern = bits.getBigUint64(0)
  const ordered = value < 0 ? ~pattern & 0xffff_ffff_ffff_ffffn : pattern | 0x8000_0000_0000_0000n
  return hex(ordered, 16)
}

/** The key of the next smaller double, and behind it what orders all numbers up to the next larger one. */
function longKey(value: LongNumber): string {
  const { sign, digits, exponent } = decimalOf(value.rawJSON)
  const size = EXPONENTS / 2n + BigInt.asIntN(64, sign < 0 ? -exponent : exponent)
  const ordered = sign < 0 ? `${digits.replace(/\d/g, (digit) => String(9 - Number(digit)))}${BEHIND_DIGITS}` : digits
  return `${numberKey(doubleBelow(value))}${hex(size, 16)}${ordered}`
}

const EXPONENTS = 2n ** 64n
const BEHIND_DIGITS = ':'

function doubleBelow(value: LongNumber): number {
  const nearest = toDouble(value)
  if (nearest === Number.POSITIVE_INFINITY) return Number.MAX_VALUE
  if (nearest === Number.NEGATIVE_INFINITY || compareNumbers(nearest, value) < 0) return nearest
  if (nearest === 0) return -Number.MIN_VALUE
  bits.setFloat64(0, nearest)
  bits.setBigUint64(0, bits.getBigUint64(0) + (nearest > 0 ? -1n : 1n))
  return bits.getFloat64(0)
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant, but for the two that are escaped
const ASCII = /^[\x02-\x7f]*$/

function foldedKey(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase()
  let key = ''
  for (let index = 0; index < text.length; index++) key += keyOfUnit(folded(text.charAt(index)))
  return key
}

/** As crest/compare.ts folds: the capital first, and a character whose capital is several stands for itself. */
function folded(character: string): number {
  const upper = character.toUpperCase()
  return (upper.length === 1 ? upper : character).toLowerCase().charCodeAt(0)
}

const SURROGATES = 0xd800
const BEHIND_SURROGATES = 0xe000
const SECOND = 0x1000

/**
 * UTF-8 has surrogates behind U+FFFF, UTF-16 before U+E000: from there on a unit is written as two characters, and so
 * are U+0000 and U+0001.
 */
function keyOfUnit(unit: number): string {
  if (unit < 2) return String.fromCharCode(1, unit + 1)
  if (unit < SURROGATES) return String.fromCharCode(unit)
  const start = unit < BEHIND_SURROGATES ? SURROGATES : BEHIND_SURROGATES
  const mark = unit < BEHIND_SURROGATES ? BEHIND_SURROGATES : BEHIND_SURROGATES + 1
  return String.fromCharCode(mark, SECOND + unit - start)
}
