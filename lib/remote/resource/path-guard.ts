import { badRequest } from '../../crest/errors.ts'

/** Fast check: few legitimate paths match, and only those are examined. A leading dot may begin a dot segment. */
const SUSPICIOUS = /[%\\;#]|(?:^|\/)\.|\/\//
/** Max levels of percent-encoding. */
const MAX_DECODINGS = 8

/**
 * Refuses a path that could leave the base path of the instance, at any level of encoding
 * (docs/pitfalls.md#dot-segments). `%2F` and `%5C` within an id, `...`, and dots in the query are allowed
 * (docs/pitfalls.md#over-broad-path-check).
 * @throws ResourceException 400
 */
export function guardPath(path: string): void {
  if (!SUSPICIOUS.test(path)) return
  if (/%(?![0-9a-f]{2})/i.test(path)) throw badRequest('The path holds an invalid percent encoding')
  if (path.includes('#')) throw badRequest('The path holds a fragment (#)')
  if (path.includes('\\')) throw badRequest('The path holds a backslash, which must be written as %5C')
  let decoded = path
  for (let round = 0; round <= MAX_DECODINGS; round++) {
    guardSegments(decoded)
    const next = decodeOnce(decoded)
    if (next === decoded) return
    decoded = next
  }
  throw badRequest('The path is encoded too often')
}

function guardSegments(path: string): void {
  if (path.includes('\0')) throw badRequest('The path holds a null character')
  // Some servers treat a backslash as a slash.
  for (const segment of path.split(/[\\/]/)) {
    // Once decoded, some servers do not count what follows these characters as part of the segment.
    const bare = segment.split(/[;?#]/, 1)[0]
    if (bare === '.' || bare === '..') throw badRequest('The path holds a dot segment')
  }
}

/** Decodes byte by byte: only ASCII matters here, and a later decoder may be more lenient than `decodeURIComponent`. */
export const decodeOnce = (path: string): string =>
  path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
