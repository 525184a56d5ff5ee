import type { Json, JsonObject } from '../contract.ts'
import { MAX_NESTING } from './bounds.ts'
import { exactNumber, isLongNumber } from './long-number.ts'

/** Names with a special meaning in JavaScript objects. */
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** For names that come from configuration or callers; in data they are ordinary members. */
export const isForbiddenName = (name: string): boolean => FORBIDDEN_NAMES.has(name)

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isLongNumber(value)

/** An own member; undefined for inherited ones such as `constructor`. */
export const memberOf = (object: JsonObject, name: string): Json | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined

/** The members that are not undefined. */
export const withoutUndefined = <T extends object>(members: T): Defined<T> =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Defined<T>

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

const OWN = { enumerable: true, configurable: true, writable: true } as const

/** Sets a member with any name: an assignment to `__proto__` would replace the prototype. */
export function setMember(object: JsonObject, name: string, value: Json): void {
  if (name === '__proto__') Object.defineProperty(object, name, { ...OWN, value })
  else object[name] = value
}

/** 16 digits or points at the start of a number. */
const MANY_DIGITS = /[:,[]\s*-?[\d.]{16}/
/** A number with an exponent of three digits, which is rare: the rest of the number is only checked after a match. */
const LARGE_EXPONENT = /e[+-]?\d{3}(?<=[:,[]\s*-?[\d.]+e[+-]?\d{3})/i

/**
 * A lossless `JSON.parse`: a number that is not exact as a double becomes a LongNumber, and a member is an own property
 * whatever its name.
 * @throws SyntaxError for invalid JSON; RangeError when it is nested deeper than `MAX_NESTING`
 */
export const parseJson = (text: string): Json => parse(text, MAX_NESTING)

/** The same for text that this gateway has written, whose values were checked when they came in. */
export const parseStoredJson = (text: string): Json => parse(text, Number.POSITIVE_INFINITY)

function parse(text: string, levels: number): Json {
  const value = JSON.parse(text) as Json
  if (typeof value === 'number') return exactNumber(text.trim(), value)
  const hasExtreme = inspect(value, levels)
  // A reviver, which is called for every member, takes five times as long.
  const mayHoldLong = MANY_DIGITS.test(text) || (hasExtreme && LARGE_EXPONENT.test(text))
  return mayHoldLong ? (JSON.parse(text, keepDigits) as Json) : value
}

/** A fast check whether the JSON of an object or list may contain a LongNumber. */
export const mayHoldLongNumbers = (text: string): boolean => MANY_DIGITS.test(text) || LARGE_EXPONENT.test(text)

function keepDigits(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && context?.source !== undefined ? exactNumber(context.source, value) : value
}

/** @throws RangeError with a message for users when `value` is nested deeper than `MAX_NESTING` */
export function checkNesting(value: unknown): void {
  inspect(value, MAX_NESTING)
}

/** Smaller numbers have fewer digits than other doubles. */
const MIN_NORMAL = 2.2250738585072014e-308

/** @returns whether it contains a number that may come from one too large or too small for a double */
function inspect(value: unknown, levels: number): boolean {
  if (typeof value === 'number') return Math.abs(value) < MIN_NORMAL || !Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) throw new RangeError(`it is nested more than ${MAX_NESTING} levels deep`)
  let isExtreme = false
  if (Array.isArray(value)) for (const element of value) isExtreme = inspect(element, levels - 1) || isExtreme
  // Without a copy of the members: every object of a remote passes here.
  else for (const name in value) isExtreme = inspect((value as JsonObject)[name], levels - 1) || isExtreme
  return isExtreme
}

/** A deep copy. `structuredClone` is ten times slower for JSON, and refuses a LongNumber. */
export function copyJson<T extends Json>(value: T): T {
  if (typeof value !== 'object' || value === null || isLongNumber(value)) return value
  if (Array.isArray(value)) return value.map(copyJson) as Json as T
  const copy: JsonObject = {}
  for (const name in value) {
    const member = (value as JsonObject)[name]
    if (member !== undefined) setMember(copy, name, copyJson(member))
  }
  return copy as Json as T
}
