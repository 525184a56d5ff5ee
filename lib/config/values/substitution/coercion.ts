import type { Json, JsonObject } from '../../../contract.ts'
import { isObject, parseJson } from '../../../core/json.ts'
import { isNumber, type LongNumber } from '../../../core/long-number.ts'

/** A conversion of text to a type. */
interface Coercion {
  /** Completes "must be". */
  readonly wanted: string
  /** Undefined when the text does not fit. */
  fromText(text: string): Json | undefined
  /** Whether a value other than text already has the type. */
  accepts(value: Json): boolean
}

const never = () => false

const COERCIONS: ReadonlyMap<string, Coercion> = new Map<string, Coercion>([
  ['$int', { wanted: 'a whole number', fromText: integer, accepts: Number.isSafeInteger }],
  ['$number', { wanted: 'a number', fromText: number, accepts: isNumber }],
  ['$bool', { wanted: 'true or false', fromText: boolean, accepts: (value) => typeof value === 'boolean' }],
  ['$list', { wanted: 'text with commas', fromText: list, accepts: Array.isArray }],
  ['$array', { wanted: 'the JSON text of an array', fromText: array, accepts: Array.isArray }],
  ['$object', { wanted: 'the JSON text of an object', fromText: object, accepts: isObject }],
  ['$base64:decode', { wanted: 'base64 of UTF-8 text', fromText: decode, accepts: never }],
  ['$base64:encode', { wanted: 'text', fromText: (text) => Buffer.from(text).toString('base64'), accepts: never }],
])

/** The transformation that `value` stands for, an object with one member such as `{"$int":"&{port}"}`. */
export function wrapperOf(value: JsonObject): string | undefined {
  const [name, ...others] = Object.keys(value)
  return name !== undefined && others.length === 0 && COERCIONS.has(name) ? name : undefined
}

/**
 * Applies transformation `name` to `value`, whose expressions are resolved.
 * @throws Error that names the expected type and does not quote the value
 */
export function coerce(name: string, value: Json): Json {
  const coercion = COERCIONS.get(name)
  if (!coercion) throw new Error(`"${name}" is not a transformation`)
  const result = typeof value === 'string' ? coercion.fromText(value) : coercion.accepts(value) ? value : undefined
  if (result === undefined) throw new Error(`the value of "${name}" must be ${coercion.wanted}`)
  return result
}

function integer(text: string): number | undefined {
  const value = /^\s*[+-]?\d+\s*$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(value) ? value : undefined
}

function number(text: string): number | LongNumber | undefined {
  const exact = parsed(text)
  if (isNumber(exact)) return exact
  const value = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text.trim()) ? Number(text) : Number.NaN
  return Number.isFinite(value) ? value : undefined
}

function boolean(text: string): boolean | undefined {
  const word = text.trim().toLowerCase()
  return word === 'true' || word === 'false' ? word === 'true' : undefined
}

function list(text: string): string[] {
  return text.trim() === '' ? [] : text.split(',').map((part) => part.trim())
}

function array(text: string): Json[] | undefined {
  const value = parsed(text)
  return Array.isArray(value) ? value : undefined
}

function object(text: string): JsonObject | undefined {
  const value = parsed(text)
  return isObject(value) ? value : undefined
}

function parsed(text: string): Json | undefined {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

/** Accepts base64 and base64url, with or without padding. */
function decode(text: string): string | undefined {
  const encoded = text.trim()
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(encoded)) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(encoded, 'base64'))
  } catch {
    return undefined
  }
}
