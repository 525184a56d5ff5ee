import { badRequest, ResourceException } from '../errors.ts'
import { pathElements } from '../protocol/resource-path.ts'

/**
 * What a request path may mean to whoever reads it after us: our own resource router, a plugin, a remote server.
 * Access is given only when every reading has it, and a filter covers a path when any reading fits its pattern.
 */
export interface RequestPath {
  /** Each segment decoded once, a slash that was encoded written `%2F`: how this gateway's own resources are found. */
  readonly strict: string
  /** Decoded until nothing changes, split at every slash, without `;parameters`: the most a careless reader makes of it. */
  readonly loose: string
}

/** What all readers understand alike: segments that neither begin with a dot nor hold anything but these characters. */
const PLAIN = /^(?:\/[\w~:@!$&'()*+,=-][\w.~:@!$&'()*+,=-]*)+$/
/** Beyond printable ASCII nothing belongs into a path (RFC 3986); readers disagree about `\`, `;` and `#` as they are. */
const AMBIGUOUS = /[^!-~]|[\\;#]/
const DOT_SEGMENT = /(?:^|[/\\])\.{1,2}(?:[/\\;]|$)/
/** Deeper nesting of `%25` serves no honest purpose. */
const DECODING_LIMIT = 4

/**
 * Reads the path of a request target such as `/managed/user/a%2Fb?_fields=mail`; one slash at its end is ignored.
 * @throws ResourceException 400 for a path that two readers could understand differently: empty or dot segments
 *   (encoded ones too), control characters, bad escapes, and `\` and `;` that are not encoded
 */
export function requestPathOf(target: string): RequestPath {
  const query = target.indexOf('?')
  const path = query < 0 ? target : target.slice(0, query)
  if (PLAIN.test(path)) {
    const plain = path.slice(1)
    return { strict: plain, loose: plain }
  }
  if (path !== '' && !path.startsWith('/')) throw badRequest('The request target must begin with /')
  if (AMBIGUOUS.test(path)) throw badRequest('The path holds a character that must be percent-encoded')
  if (path === '' || path === '/') return { strict: '', loose: '' }
  const segments = path
    .slice(1, path.endsWith('/') ? -1 : undefined)
    .split('/')
    .map(readSegment)
  const strict = segments.map((segment) => segment.strict).join('/')
  const loose = segments.map((segment) => segment.loose).filter((segment) => segment !== '')
  return { strict, loose: loose.join('/') }
}

/** The path of a call from inside: scripts name ids as they are, so nothing is refused here that the router would take. */
export function readResourcePath(path: string): RequestPath {
  const elements = pathElements(path)
  const loose = elements.map((element) => carelessly(decodeFully(element, () => undefined)))
  return {
    strict: elements.map((element) => element.replaceAll('/', '%2F')).join('/'),
    loose: loose.filter((segment) => segment !== '').join('/'),
  }
}

/** Every reading that the pattern of a filter may mean: as it is routed, percent-encoded, and as a careless reader has it. */
export function readingsOf({ strict, loose }: RequestPath): readonly string[] {
  const encoded = strict.split('/').map((segment) => encodeURIComponent(segment.replaceAll('%2F', '/')))
  return [...new Set([strict, encoded.join('/'), loose])]
}

/**
 * Refuses the id of a new object that no request could name afterwards.
 * @throws ResourceException 400
 */
export function checkAddressable(id: string): void {
  try {
    requestPathOf(`/${encodeURIComponent(id)}`)
  } catch (error) {
    // encodeURIComponent throws a URIError for half of a surrogate pair.
    const reason = error instanceof ResourceException ? error.message : 'The id is no well-formed Unicode'
    throw badRequest(`The id ${JSON.stringify(id)} cannot be used in the path of a request: ${reason}`)
  }
}

/** What some servers make of a segment that they have decoded: split at slashes of both kinds, each part without `;parameters`. */
const carelessly = (decoded: string): string =>
  decoded
    .split(/[/\\]/)
    .map((part) => part.split(';', 1)[0] ?? '')
    .filter((part) => part !== '')
    .join('/')

function readSegment(segment: string): RequestPath {
  if (segment === '') throw badRequest('The path holds an empty segment')
  if (!segment.includes('%')) {
    checkDecoded(segment)
    return { strict: segment, loose: segment }
  }
  const once = decode(segment)
  if (once === undefined) throw badRequest('The path holds a bad percent-encoding')
  return { strict: once.replaceAll('/', '%2F'), loose: carelessly(decodeFully(once, checkDecoded)) }
}

/** Escape by escape, as a reader does who does not mind bad ones; only ASCII can change the structure of a path. */
function decodeFully(once: string, check: (text: string) => void): string {
  let text = once
  for (let depth = 1; depth <= DECODING_LIMIT; depth++) {
    check(text)
    const next = text.replace(/%([0-7][\da-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    if (next === text) return text
    text = next
  }
  throw badRequest('The path is percent-encoded too many times')
}

function checkDecoded(text: string): void {
  if (DOT_SEGMENT.test(text)) throw badRequest('The path holds a dot segment')
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code === 0x7f) throw badRequest('The path holds a control character')
  }
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
