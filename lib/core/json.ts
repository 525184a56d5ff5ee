import type { Json, JsonObject } from '../contract.ts'
import { MAX_NESTING } from './bounds.ts'
import { exactNumber, isLongNumber } from './long-number.ts'

/** Names that mean something else on an object of JavaScript than on one of JSON. */
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** For what a configuration or a caller names; in data, these are members like any other. */
export const isForbiddenName = (name: string): boolean => FORBIDDEN_NAMES.has(name)

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isLongNumber(value)

/** An own member; what every object inherits, such as `constructor`, is none. */
export const memberOf = (object: JsonObject, name: string): Json | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined

const OWN = { enumerable: true, configurable: true, writable: true } as const

/** Sets a member, whatever its name: assigned, `__proto__` would replace the prototype. */
export function setMember(object: JsonObject, name: string, value: Json): void {
  if (name === '__proto__') Object.defineProperty(object, name, { ...OWN, value })
  else object[name] = value
}

/** A number of 16 digits and points behind what can stand before a value. */
const MANY_DIGITS = /[:,[]\s*-?[\d.]{16}/
/** A number with an exponent of three digits; what leads to it is looked at last, since such an exponent is rare. */
const LARGE_EXPONENT = /e[+-]?\d{3}(?<=[:,[]\s*-?[\d.]+e[+-]?\d{3})/i

/**
 * `JSON.parse` that keeps what JSON can say: a number that no double holds becomes a LongNumber, and a member is an own
 * property, whatever its name.
 * @throws SyntaxError for what is no JSON; RangeError when it is nested deeper than `MAX_NESTING`
 */
export const parseJson = (text: string): Json => parse(text, MAX_NESTING)

/** The same for text that this gateway has written, around values that were checked when they came in. */
export const parseStoredJson = (text: string): Json => parse(text, Number.POSITIVE_INFINITY)

function parse(text: string, levels: number): Json {
  const value = JSON.parse(text) as Json
  if (typeof value === 'number') return exactNumber(text.trim(), value)
  const hasExtreme = inspect(value, levels)
  // A reviver that looks at every member takes five times as long.
  const mayHoldLong = MANY_DIGITS.test(text) || (hasExtreme && LARGE_EXPONENT.test(text))
  return mayHoldLong ? (JSON.parse(text, keepDigits) as Json) : value
}

/** Whether to look closer at the text of an object or list: it may be that one of its numbers is a LongNumber. */
export const mayHoldLongNumbers = (text: string): boolean => MANY_DIGITS.test(text) || LARGE_EXPONENT.test(text)

function keepDigits(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && context?.source !== undefined ? exactNumber(context.source, value) : value
}

/** @throws RangeError with a sentence for a person when `value` is nested deeper than `MAX_NESTING` */
export function checkNesting(value: unknown): void {
  inspect(value, MAX_NESTING)
}

/** Less than this has fewer digits than a double promises. */
const MIN_NORMAL = 2.2250738585072014e-308

/** @returns whether there is a number that came from one too large or too small for a double */
function inspect(value: unknown, levels: number): boolean {
  if (typeof value === 'number') return Math.abs(value) < MIN_NORMAL || !Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) throw new RangeError(`it is nested more than ${MAX_NESTING} levels deep`)
  let isExtreme = false
  if (Array.isArray(value)) for (const element of value) isExtreme = inspect(element, levels - 1) || isExtreme
  // No copy of the members: this looks at every object that comes from a remote.
  else for (const name in value) isExtreme = inspect((value as JsonObject)[name], levels - 1) || isExtreme
  return isExtreme
}
