/** Syntax errors and duplicate members of JSON text, by line and column. */
import jsonc from 'jsonc-parser'
import type { Json } from '../../contract.ts'
import { isLongNumber } from '../../core/long-number.ts'

const NAME = 'expected a member name in double quotes (no comma before "}")'
const SEPARATOR = 'expected a comma or the closing bracket'
const NUMBER = 'the number is not complete'
/**
 * By `ParseErrorCode`, which exists as a type only; for strings see `faultInString`. The messages of V8 are not used:
 * they quote the text, which may be a secret, and omit the position in short texts.
 */
const REASONS: Readonly<Record<number, string>> = {
  1: 'expected a value or a member name (both are in double quotes unless they are numbers, true, false or null)',
  2: NUMBER,
  3: NAME,
  4: 'expected a value',
  5: 'expected ":" after the member name',
  6: SEPARATOR,
  7: SEPARATOR,
  8: SEPARATOR,
  9: 'expected nothing more after the closing bracket',
  10: 'JSON has no comments',
  13: NUMBER,
}

class Fault extends Error {
  readonly offset: number
  constructor(offset: number, message: string) {
    super(message)
    this.offset = offset
  }
}

/** `line 3, column 5: …` for the first syntax error, without quoting the text; undefined if valid. */
export function describeJsonFault(text: string): string | undefined {
  try {
    jsonc.visit(text, { onError: (code, offset) => refuse(text, code, offset) }, { disallowComments: true })
    return undefined
  } catch (error) {
    if (error instanceof RangeError) return 'the file is nested too deeply'
    if (!(error instanceof Fault)) throw error
    return `${positionOf(text, error.offset)}: ${error.message}`
  }
}

function refuse(text: string, code: number, offset: number): never {
  if (offset >= text.length) throw new Fault(offset, 'the text ends too early')
  const reason = REASONS[code]
  throw reason === undefined ? faultInString(text, offset) : new Fault(offset, reason)
}

/** Special parts of a string; a match of one character is the end of the string or a fault. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in strings
const IN_STRING = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})|["\\\u0000-\u001f]/g

/** The parser reports the start of the string, which may be a script of many lines. */
function faultInString(text: string, start: number): Fault {
  for (const { 0: part, index } of text.slice(start + 1).matchAll(IN_STRING)) {
    const offset = start + 1 + index
    if (part === '\\') return new Fault(offset, 'the escape sequence is not valid (a backslash is written "\\\\")')
    if (part.length === 1) return new Fault(offset, 'a line break or control character in a string must be escaped')
  }
  return new Fault(start, 'the string that starts here is not closed')
}

function positionOf(text: string, offset: number): string {
  const lines = text.slice(0, offset).split('\n')
  return `line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`
}

/** A quote followed by a colon: all members, and strings that look like one. */
const MEMBER = /"\s*:/g
const MAX_DUPLICATES = 10

/**
 * One sentence per duplicate member, at most `MAX_DUPLICATES`.
 * @param value the parsed text
 */
export function duplicateMembers(text: string, value: Json): string[] {
  // The parser is four times slower than JSON.parse. If `value` has as many members as the text can have, there are no
  // duplicates.
  if ((text.match(MEMBER)?.length ?? 0) === countMembers(value)) return []
  const open: Set<string>[] = []
  const found: string[] = []
  jsonc.visit(text, {
    onObjectBegin: () => void open.push(new Set()),
    onObjectEnd: () => void open.pop(),
    onObjectProperty: (name, _offset, _length, line, column, path) => {
      const names = open.at(-1)
      if (names?.has(name) && found.length < MAX_DUPLICATES)
        found.push(
          `line ${line + 1}, column ${column + 1}: ${[...path(), name].join('.')} is a duplicate; the last one counts`,
        )
      names?.add(name)
    },
  })
  return found
}

function countMembers(value: Json): number {
  if (typeof value !== 'object' || value === null || isLongNumber(value)) return 0
  let count = Array.isArray(value) ? 0 : Object.keys(value).length
  for (const member of Object.values(value)) count += countMembers(member as Json)
  return count
}
