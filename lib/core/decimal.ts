/** `sign` × 0.`digits` × 10^`exponent`, without zeros at either end of the digits; zero has the sign 0. */
export interface Decimal {
  readonly sign: -1 | 0 | 1
  readonly digits: string
  readonly exponent: bigint
}

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i

/** Parses a number as JSON or `String` prints it. */
export function decimalOf(text: string): Decimal {
  const [, minus, whole = '', fraction = '', power = '0'] = NUMBER.exec(text) ?? []
  return normalized(minus === '-' ? -1 : 1, whole + fraction, BigInt(power) + BigInt(whole.length))
}

function normalized(sign: -1 | 1, digits: string, exponent: bigint): Decimal {
  let start = 0
  let end = digits.length
  // A regular expression for trailing zeros would take quadratic time.
  while (digits[start] === '0') start++
  while (end > start && digits[end - 1] === '0') end--
  if (start === end) return { sign: 0, digits: '', exponent: 0n }
  return { sign, digits: digits.slice(start, end), exponent: exponent - BigInt(start) }
}

export function compareDecimals(left: Decimal, right: Decimal): number {
  if (left.sign !== right.sign) return left.sign - right.sign
  return left.sign < 0 ? compareMagnitudes(right, left) : compareMagnitudes(left, right)
}

function compareMagnitudes(left: Decimal, right: Decimal): number {
  if (left.exponent !== right.exponent) return left.exponent < right.exponent ? -1 : 1
  return left.digits < right.digits ? -1 : Number(left.digits > right.digits)
}

export const isWholeDecimal = ({ digits, exponent }: Decimal): boolean => exponent >= digits.length

export function truncateDecimal({ sign, digits, exponent }: Decimal): Decimal {
  const length = exponent < 0n ? 0 : Math.min(Number(exponent), digits.length)
  return normalized(sign === -1 ? -1 : 1, digits.slice(0, length), exponent)
}

/** Limits the time and length of an exact sum: `1e1000000 + 1` would have a million digits. */
const MAX_DIGITS = 10_000n

/** @throws RangeError when the sum has more than `MAX_DIGITS` digits */
export function addDecimals(left: Decimal, right: Decimal): Decimal {
  if (left.sign === 0) return right
  if (right.sign === 0) return left
  const ends = [left, right].map(({ digits, exponent }) => exponent - BigInt(digits.length))
  const end = ends.reduce((least, one) => (one < least ? one : least))
  const start = left.exponent > right.exponent ? left.exponent : right.exponent
  if (start - end > MAX_DIGITS) throw new RangeError(`the sum has more than ${MAX_DIGITS} digits`)
  const [first = 0n, second = 0n] = [left, right].map(
    ({ sign, digits }, index) => BigInt(sign) * BigInt(digits) * 10n ** ((ends[index] ?? end) - end),
  )
  const sum = first + second
  const digits = String(sum < 0n ? -sum : sum)
  return normalized(sum < 0n ? -1 : 1, digits, end + BigInt(digits.length))
}

/** Max zeros between digits and decimal point; with more, the number is printed with an exponent. */
const MAX_ZEROS = 20n

/** The number as JSON. */
export function decimalText({ sign, digits, exponent }: Decimal): string {
  if (sign === 0) return '0'
  const minus = sign < 0 ? '-' : ''
  const length = BigInt(digits.length)
  if (exponent >= length && exponent - length <= MAX_ZEROS) return minus + digits.padEnd(Number(exponent), '0')
  if (exponent > 0n && exponent < length)
    return `${minus}${digits.slice(0, Number(exponent))}.${digits.slice(Number(exponent))}`
  if (exponent <= 0n && -exponent <= MAX_ZEROS) return `${minus}0.${'0'.repeat(Number(-exponent))}${digits}`
  return `${minus}${digits}e${exponent - length}`
}
