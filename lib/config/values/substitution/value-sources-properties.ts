const COMMENT_OR_BLANK = /^[ \t\f]*(?:[#!]|$)/
const LEADING_SPACE = /^[ \t\f]+/
/** Joins nothing to the next line, which is read as if it were the first: as Java does. */
const LONE_BACKSLASH = /^[ \t\f]*\\$/
/** Odd number of backslashes: the last one is no escaped backslash, it joins the next line. */
const CONTINUED = /(?:^|[^\\])(?:\\\\)*\\$/
const KEY = /^(?:\\[\s\S]|[^\\=: \t\f])*/
const SEPARATOR = /^[ \t\f]*[=:]?[ \t\f]*/
const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' }

/**
 * Reads the syntax of `java.util.Properties`: comments, `=`, `:` or space between key and value, continuation lines,
 * backslash and unicode escapes. The last definition of a key counts.
 * @throws Error that names the line and does not quote it
 */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>()
  for (const { line, text: logical } of logicalLines(text.replace(/^\ufeff/, ''))) {
    const key = KEY.exec(logical)?.[0] ?? ''
    const rest = logical.slice(key.length)
    const value = rest.slice(SEPARATOR.exec(rest)?.[0].length ?? 0)
    properties.set(unescaped(key, line), unescaped(value, line))
  }
  return properties
}

function* logicalLines(text: string): Generator<{ line: number; text: string }> {
  const lines = text.split(/\r\n|\n|\r/)
  for (let next = 0; next < lines.length; next++) {
    const line = next + 1
    let logical = lines[next] ?? ''
    if (COMMENT_OR_BLANK.test(logical) || LONE_BACKSLASH.test(logical)) continue
    while (CONTINUED.test(logical)) {
      next += 1
      logical = logical.slice(0, -1) + (lines[next] ?? '').replace(LEADING_SPACE, '')
    }
    yield { line, text: logical.replace(LEADING_SPACE, '') }
  }
}

function unescaped(text: string, line: number): string {
  return text.replace(
    /\\(?:u([0-9A-Fa-f]{4})|([\s\S]))/g,
    (_, code: string | undefined, character: string | undefined) => {
      if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16))
      if (character === 'u') throw new Error(`line ${line}: a unicode escape needs four hexadecimal digits`)
      return ESCAPES[character ?? ''] ?? character ?? ''
    },
  )
}
