/**
 * What is refused before anything else happens. Everything here is judged on the raw request; what passes is
 * forwarded byte for byte.
 */
import type { IncomingMessage } from 'node:http'
import { badRequest, methodNotAllowed, notSupported, ResourceException } from '../crest/errors.ts'

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** Present in hardly any honest path: only then is a closer look taken. A leading dot begins a hidden or a dot segment. */
const SUSPICIOUS = /[%\\;#]|(?:^|\/)\.|\/\//
/** How often a path may be encoded upon itself. */
const MOST_DECODINGS = 8

/** @throws ResourceException 405 for a method that HTTP proxies must not forward, 501 for an upgrade, 400 for framing */
export function guardRequest(request: IncomingMessage): void {
  const { method = '', headers } = request
  if (!METHODS.has(method)) throw methodNotAllowed(`Method ${method} is not allowed on a remote instance`)
  if (headers.upgrade !== undefined) throw notSupported('Protocol upgrades are not supported on a remote instance')
  const coding = headers['transfer-encoding']
  if (coding === undefined) return
  if (coding.trim().toLowerCase() !== 'chunked') throw badRequest('Transfer-Encoding must be chunked')
  if (headers['content-length'] !== undefined)
    throw badRequest('Transfer-Encoding and Content-Length exclude each other')
}

/**
 * Refuses a path that could leave the instance's base path, however often it is encoded (pitfall P1). A `%2F` within
 * an id, `...`, and dots in the query are allowed (P2).
 * @throws ResourceException 400
 */
export function guardPath(path: string): void {
  if (!SUSPICIOUS.test(path)) return
  if (/%(?![0-9a-f]{2})/i.test(path)) throw badRequest('The path holds an invalid percent encoding')
  if (path.includes('#')) throw badRequest('The path holds a fragment (#)')
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
  if (path.includes('\\')) throw badRequest('The path holds a backslash')
  if (path.includes('\0')) throw badRequest('The path holds a null character')
  for (const segment of path.split('/')) {
    const bare = segment.split(';', 1)[0]
    if (bare === '.' || bare === '..') throw badRequest('The path holds a dot segment')
  }
}

/** Decodes byte for byte: what matters here is ASCII, and a later decoder may be more lenient than `decodeURIComponent`. */
const decodeOnce = (path: string): string =>
  path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

/** @throws ResourceException 400: the remote and the access rules before us could read an empty segment differently (P3) */
export function guardEmptySegments(path: string): void {
  if (path.includes('//') || path.startsWith('/')) throw badRequest('The path holds an empty segment')
}

/**
 * Stops a request that has already been through this gateway and asks for a proxied path again: A -> B -> A. An
 * instance that points at the gateway itself is legal.
 * @throws ResourceException 508
 */
export function guardLoop(via: string | undefined, pseudonym: string): void {
  if (via?.includes(pseudonym)) {
    throw new ResourceException(508, 'The request has come back to this gateway: its instances form a loop')
  }
}
