import type { Pointer } from '../../../crest/pointer.ts'
import { type RawBuilder, sql } from '../../sql/statements/kysely.ts'
import { ROOT } from './sqlite-json.ts'

/** Where a field begins in a row of `object`: as far as SQL can follow it, and what is left below. */
export interface StoredValue {
  /** Yields JSON text, or NULL when there is nothing. */
  readonly expression: RawBuilder<string | null>
  /** Tells fields with different expressions apart. */
  readonly key: string
  /** What the JSON functions have to follow themselves, starting with ROOT. */
  readonly rest: Pointer
}

/** Finds the value that `field` leads to; the row is called `o`. */
export function storedValue(field: Pointer): StoredValue {
  const [first, ...below] = field
  if (first === '_id') return { expression: sql`json_quote(o.id)`, key: first, rest: [ROOT, ...below] }
  if (first === '_rev') return { expression: sql`json_quote(o.revision)`, key: first, rest: [ROOT, ...below] }
  const path = `$${plainNames(field)
    .map((name) => `."${name}"`)
    .join('')}`
  const rest = [ROOT, ...field.slice(plainNames(field).length)]
  return { expression: sql`o.content -> ${path}`, key: path, rest }
}

/**
 * The names up to the first that a JSON path cannot say: digits are a member's name or a position in a list, and what
 * JSON writes with an escape is not found by its name in every version of SQLite.
 */
function plainNames(field: Pointer): Pointer {
  const odd = field.findIndex((name) => !PLAIN.test(name) || /^\d+$/.test(name))
  return odd < 0 ? field : field.slice(0, odd)
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it keeps out
const PLAIN = /^[^"\\\u0000-\u001f\u007f-\u009f\ud800-\udfff]+$/
