import { badRequest, ResourceException } from '../errors.ts'
import { pathElements } from '../protocol/resource-path.ts'

/**
 * What a request path may mean to its later readers: the resource router, a plugin, a remote server. Access is granted only
 * when it is granted to every reading; a filter applies when any reading matches its pattern.
 */
export interface RequestPath {
  /** Each segment decoded once, with `%2F` for an encoded slash: used to find the resources of this gateway. */
  readonly strict: string
  /** Decoded until nothing changes, split at every slash, without `;parameters`: what a careless reader understands. */
  readonly loose: string
}

/** Paths that all readers understand alike: no segment begins with a dot, and only these characters occur. */
const PLAIN = /^(?:\/[\w~:@!$&'()*+,=-][\w.~:@!$&'()*+,=-]*)+$/
/** Only printable ASCII is legal in a path (RFC 3986); readers disagree about unencoded `\`, `;` and `#`. */
const AMBIGUOUS = /[^!-~]|[\\;#]/
const DOT_SEGMENT = /(?:^|[/\\])\.{1,2}(?:[/\\;]|$)/
/** Max nesting of `%25`. */
const MAX_DECODINGS = 4

/**
 * Parses the path of a request target such as `/managed/user/a%2Fb?_fields=mail`; one slash at its end is ignored.
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

/** The path of an internal request. Scripts use ids as they are: nothing is refused that the router accepts. */
export function readResourcePath(path: string): RequestPath {
  const elements = pathElements(path)
  const loose = elements.map((element) => carelessly(decodeFully(element, () => undefined)))
  return {
    strict: elements.map((element) => element.replaceAll('/', '%2F')).join('/'),
    loose: loose.filter((segment) => segment !== '').join('/'),
  }
}

/** Every reading that the pattern of a filter may refer to: as routed, percent-encoded, and of a careless reader. */
export function readingsOf({ strict, loose }: RequestPath): readonly string[] {
  const encoded = strict.split('/').map((segment) => encodeURIComponent(segment.replaceAll('%2F', '/')))
  return [...new Set([strict, encoded.join('/'), loose])]
}

/**
 * Refuses the id of a new object that no request could address.
 * @throws ResourceException 400
 */
export function checkAddressable(id: string): void {
  try {
    requestPathOf(`/${encodeURIComponent(id)}`)
  } catch (error) {
    // encodeURIComponent throws a URIError for half of a surrogate pair.
    const reason = error instanceof ResourceException ? error.message : 'The id is not well-formed Unicode'
    throw badRequest(`The id ${JSON.stringify(id)} cannot be used in the path of a request: ${reason}`)
  }
}

/** How some servers read a decoded segment: split at slashes of both kinds, each part without `;parameters`. */
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

/** Decodes valid escapes and ignores bad ones. Only ASCII can change the structure of a path. */
function decodeFully(once: string, check: (text: string) => void): string {
  let text = once
  for (let depth = 1; depth <= MAX_DECODINGS; depth++) {
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
