import { badRequest } from '../../crest/errors.ts'

/** Present in hardly any honest path: only then is a closer look taken. A leading dot begins a hidden or a dot segment. */
const SUSPICIOUS = /[%\\;#]|(?:^|\/)\.|\/\//
/** How often a path may be encoded upon itself. */
const MOST_DECODINGS = 8

/**
 * Refuses a path that could leave the instance's base path, however often it is encoded
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
  for (let round = 0; round <= MOST_DECODINGS; round++) {
    guardSegments(decoded)
    const next = decodeOnce(decoded)
    if (next === decoded) return
    decoded = next
  }
  throw badRequest('The path is encoded too often')
}

function guardSegments(path: string): void {
  if (path.includes('\0')) throw badRequest('The path holds a null character')
  // Some readers take a backslash for a slash.
  for (const segment of path.split(/[\\/]/)) {
    // Once decoded, what stands behind these characters is no part of the segment for some readers.
    const bare = segment.split(/[;?#]/, 1)[0]
    if (bare === '.' || bare === '..') throw badRequest('The path holds a dot segment')
  }
}

/** Decodes byte for byte: what matters here is ASCII, and a later decoder may be more lenient than `decodeURIComponent`. */
export const decodeOnce = (path: string): string =>
  path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
