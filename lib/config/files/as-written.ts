import { isDeepStrictEqual } from 'node:util'
import type { Json, JsonObject } from '../../contract.ts'
import { isObject } from '../../core/json.ts'

/** A resolved value and its text in the file. */
type Pair = readonly [value: string, written: string]

/** Shorter values are replaced only in quotes: they could be part of any word. */
const MIN_LENGTH = 4

/** Replaces resolved values in a message by their text in the file: expressions, purposes and encrypted values. */
export function asWritten(message: string, raw: JsonObject, content: JsonObject): string {
  const pairs = [...pairsOf(raw, content)].filter(([value]) => value !== '')
  // Longest first: a value may contain another.
  pairs.sort(([left], [right]) => right.length - left.length)
  return pairs.reduce(
    (text, [value, written]) =>
      value.length < MIN_LENGTH
        ? text.replaceAll(`"${value}"`, () => `"${written}"`)
        : text.replaceAll(value, () => written).replaceAll(JSON.stringify(value).slice(1, -1), () => written),
    message,
  )
}

function* pairsOf(raw: Json, value: Json): Generator<Pair> {
  if (isDeepStrictEqual(raw, value)) return
  if (Array.isArray(raw) && Array.isArray(value)) {
    for (const [index, item] of raw.entries()) yield* pairsOf(item, value[index] ?? null)
  } else if (isObject(raw) && isObject(value) && Object.keys(raw).every((name) => Object.hasOwn(value, name))) {
    for (const [name, member] of Object.entries(raw)) yield* pairsOf(member, value[name] ?? null)
  } else {
    const written = writtenAs(raw)
    if (typeof raw === 'string' && typeof value === 'string') yield* partsOf(raw, value)
    for (const text of leavesOf(value)) {
      yield [text, written]
      for (const part of partsOfUrl(text)) if (!written.includes(part)) yield [part, written]
    }
  }
}

/** Expressions are unchanged, objects abbreviated. */
function writtenAs(raw: Json): string {
  if (typeof raw === 'string') return raw
  const [name = ''] = isObject(raw) ? Object.keys(raw) : []
  if (name === '$crypto') return '{"$crypto": …}'
  return JSON.stringify(raw)
}

function* leavesOf(value: Json): Generator<string> {
  if (typeof value === 'string' || typeof value === 'number') yield String(value)
  else if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) yield* leavesOf(inner)
}

/** Parts of an address that a message may contain. */
function partsOfUrl(text: string): string[] {
  if (!URL.canParse(text)) return []
  const { protocol, host, hostname } = new URL(text)
  return [protocol, host, hostname].filter((part) => part !== 'https:' && part !== 'http:' && part.length >= MIN_LENGTH)
}

/** Pairs each expression within a text with its value: of `https://&{host}/x`, the host. */
function* partsOf(raw: string, value: string): Generator<Pair> {
  const expressions = raw.match(/&\{[^&{}]*\}/g) ?? []
  const between = raw.split(/&\{[^&{}]*\}/)
  let position = 0
  for (const [index, expression] of expressions.entries()) {
    const [before = '', after = ''] = [between[index], between[index + 1]]
    if (!value.startsWith(before, position)) return
    const start = position + before.length
    const isLast = index === expressions.length - 1
    const end = isLast ? value.length - after.length : value.indexOf(after === '' ? '\0' : after, start)
    if (end < start) return
    yield [value.slice(start, end), expression]
    position = end
  }
}
