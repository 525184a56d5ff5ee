import type { Json } from '../contract.ts'
import { MAX_NESTING } from '../core/bounds.ts'
import { isObject, memberOf } from '../core/json.ts'
import { badRequest } from './errors.ts'

/** A path into a JSON value as decoded names and list positions; empty = the value itself. */
export type Pointer = readonly string[]

/** Illegal in IDM, which reads each name as a URI fragment: these characters have to be percent-encoded. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const ILLEGAL = /[\u0000-\u0020\u007f"#<>\\^`{|}]|%(?![0-9A-Fa-f]{2})/

/**
 * Parses `/name/givenName` or `name/givenName`. One slash at either end is ignored, `/` and the empty text stand for the
 * whole value, and names are percent-encoded (`a%2Fb`): IDM has no `~1` escapes.
 * @throws badRequest for a malformed escape or an illegal character
 */
export function parsePointer(text: string): Pointer {
  const names = text.split('/')
  if (names[0] === '') names.shift()
  if (names.at(-1) === '') names.pop()
  if (names.length > MAX_NESTING) throw badRequest(`A JSON pointer has more than ${MAX_NESTING} names`)
  return names.map((name) => decodeName(name, text))
}

function decodeName(name: string, pointer: string): string {
  const illegal = ILLEGAL.exec(name)
  if (illegal)
    throw badRequest(
      `Invalid JSON pointer '${shorten(pointer)}': '${shorten(name)}' has an illegal character or escape at ${illegal.index}`,
    )
  return percentDecode(name, pointer)
}

function percentDecode(name: string, pointer: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    throw badRequest(`Invalid JSON pointer '${shorten(pointer)}': '${shorten(name)}' is not percent-encoded UTF-8`)
  }
}

/** Limits the length of untrusted text in messages and logs. */
const shorten = (text: string): string => (text.length > 100 ? `${text.slice(0, 100)}…` : text)

/** The inverse of parsePointer; the text can be used in query filters and comma-separated lists. */
export function printPointer(pointer: Pointer): string {
  const text = `/${pointer.map(encodeName).join('/')}`
  return pointer.at(-1) === '' ? `${text}/` : text
}

const encodeName = (name: string): string =>
  encodeURI(name.toWellFormed()).replace(/[#/(),]/g, (character) => ESCAPES[character] ?? character)

const ESCAPES: Readonly<Record<string, string>> = { '#': '%23', '/': '%2F', '(': '%28', ')': '%29', ',': '%2C' }

/** Whether a name can be a position in a list. */
export const isPosition = (name: string): boolean => /^\d+$/.test(name)

/** The value at `pointer`, through own members and list positions only; undefined when there is none. */
export function getAt(value: Json, pointer: Pointer): Json | undefined {
  let current: Json | undefined = value
  for (const name of pointer) {
    if (Array.isArray(current)) current = isPosition(name) ? current[Number(name)] : undefined
    else if (isObject(current)) current = memberOf(current, name)
    else return undefined
  }
  return current
}
