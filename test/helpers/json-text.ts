import fc, { type Arbitrary } from 'fast-check'

/** Numbers that a double cannot hold, by what goes wrong: rounded, cut short, infinite, zero. */
export const LONG_NUMBERS = [
  '9007199254740993',
  '-9007199254740993',
  '12345678901234567890',
  '123456789012345678901234567890123456789',
  '0.1000000000000000000001',
  '3.14159265358979323846264338327950288',
  '-1.00000000000000000001',
  '1e400',
  '-1.5E+400',
  '1e-400',
]

/** Members that an object of JavaScript inherits. */
export const ODD_NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']

const digits = (min: number, max: number): Arbitrary<string> =>
  fc.stringMatching(new RegExp(`^[1-9][0-9]{${min},${max}}$`))

/** Long and short ones as `JSON.stringify` writes them back: a short one in JavaScript's own spelling. */
export const numbers: Arbitrary<string> = fc.oneof(
  fc.constantFrom(...LONG_NUMBERS),
  digits(20, 40),
  fc.tuple(digits(0, 3), digits(20, 40)).map(([whole, fraction]) => `-${whole}.${fraction}`),
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((double) => JSON.stringify(double)),
)

const name = fc.oneof(fc.constantFrom('a', 'b', ...ODD_NAMES), fc.string({ maxLength: 4 }))
const scalar = fc.oneof(
  { arbitrary: numbers, weight: 4 },
  { arbitrary: fc.string({ unit: 'grapheme', maxLength: 6 }).map((text) => JSON.stringify(text)), weight: 2 },
  { arbitrary: fc.constantFrom('null', 'true', 'false'), weight: 1 },
)

const objectOf = (member: Arbitrary<string>): Arbitrary<string> =>
  fc.uniqueArray(fc.tuple(name, member), { selector: ([name]) => name, maxLength: 4 }).map(
    (members) =>
      `{${members
        .sort(byName)
        .map(([name, text]) => `${JSON.stringify(name)}:${text}`)
        .join()}}`,
  )

/** Names that are positions come first in an object of JavaScript, by size. */
const byName = ([left]: [string, string], [right]: [string, string]): number =>
  isPosition(left) && isPosition(right)
    ? Number(left) - Number(right)
    : Number(isPosition(right)) - Number(isPosition(left))
const isPosition = (name: string): boolean => /^(?:0|[1-9]\d*)$/.test(name)

/** JSON text without white space, as JSON.stringify writes it, with long numbers and odd names at any depth. */
export const { value: jsonTexts, object: jsonObjectTexts } = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    { arbitrary: scalar, weight: 3 },
    { arbitrary: fc.array(tie('value'), { maxLength: 3 }).map((elements) => `[${elements.join()}]`), weight: 1 },
    { arbitrary: tie('object'), weight: 2 },
  ),
  object: objectOf(tie('value')),
}))
