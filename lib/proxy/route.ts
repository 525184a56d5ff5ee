import type { IncomingMessage } from 'node:http'
import { badRequest } from '../crest/errors.ts'
import { checkAuthority, originForm } from '../crest/http/request-target.ts'
import { decodeOnce } from '../remote/resource/path-guard.ts'

/** The parts of `{mount}/external/idm/{name}/{path}?{query}`, byte for byte as the caller wrote them. */
export interface Route {
  /** Prefix of the local path of a remote resource: `/openidm`, or what the host has cut off. */
  readonly mount: string
  /** undefined = the collection `external/idm` itself. */
  readonly name: string | undefined
  /** After `external/idm/NAME/`, not decoded; undefined when the path ends with the name. */
  readonly path: string | undefined
  /** With its question mark; empty without a query. */
  readonly query: string
}

const PREFIX = '/external/idm'
const MOUNT = '/openidm'

/** A request target as the caller wrote it, in two parts. */
export interface Target {
  /** Prefix of the local path of a resource: `/openidm`, or what the host has cut off. */
  readonly mount: string
  /** Path and query after the mount. */
  readonly url: string
}

/**
 * Finds the target of a request itself, because Express 4, Express 5, Fastify and plain `http` differ. The prefix is
 * compared byte for byte: a path that only decodes to it does not match. A resource has a single path, or the host might
 * protect only one of two: if the host has cut nothing off, the mount must be there
 * (docs/pitfalls.md#two-readers-of-one-path).
 * @param behindMount true if the host cuts the mount off `request.url` without a trace, as the contract says
 * @param prefixes such as `/external/idm`
 * @returns undefined for other paths
 * @throws ResourceException 400 when the path matches, but the original can no longer be determined
 */
export function targetOf(
  request: IncomingMessage,
  behindMount: boolean,
  prefixes: readonly string[],
): Target | undefined {
  const { mount: cut, rest, isRaw } = locate(request)
  let url = rest
  if (cut === '' && !behindMount) {
    if (!url.startsWith(`${MOUNT}/`)) return undefined
    url = url.slice(MOUNT.length)
  }
  if (!prefixes.some((prefix) => isBelow(url, prefix))) return undefined
  if (!isRaw) throw badRequest('The host has changed the path on its way here: what the caller asked for is not known')
  checkAuthority(request, (request as HostRequest).originalUrl ?? request.url ?? '')
  return { mount: cut || MOUNT, url }
}

function isBelow(url: string, prefix: string): boolean {
  if (!url.startsWith(prefix)) return false
  const next = url[prefix.length]
  return next === undefined || next === '/' || next === '?'
}

const PREFIXES = [PREFIX]

/** @returns undefined for paths that are not below `external/idm`; see `targetOf` */
export function routeOf(request: IncomingMessage, behindMount: boolean): Route | undefined {
  const target = targetOf(request, behindMount, PREFIXES)
  if (!target) return undefined
  const { mount, url } = target
  const mark = url.indexOf('?')
  const end = mark === -1 ? url.length : mark
  const query = url.slice(end)
  const nameStart = PREFIX.length + 1
  if (nameStart >= end) return { mount, name: undefined, path: undefined, query }
  const slash = url.indexOf('/', nameStart)
  if (slash === -1 || slash > end) return { mount, name: url.slice(nameStart, end), path: undefined, query }
  const path = url.slice(slash + 1, end)
  return { mount, name: url.slice(nameStart, slash), path: path === '' ? undefined : path, query }
}

/** True for a request whose mount the host may have cut off without a trace. */
export const lacksMount = (request: IncomingMessage): boolean => {
  const { mount, rest } = locate(request)
  return mount === '' && (rest.startsWith(`${PREFIX}/`) || rest === PREFIX)
}

type HostRequest = IncomingMessage & { readonly baseUrl?: unknown; readonly originalUrl?: string }

interface Location {
  /** The prefix that the host has cut off. */
  readonly mount: string
  readonly rest: string
  /** Whether `rest` is byte for byte what the caller wrote. */
  readonly isRaw: boolean
}

/**
 * Express keeps in `baseUrl` what it has cut off `request.url`; connect and similar hosts keep the whole target in
 * `originalUrl`, and so do hosts that decode `request.url`, such as @fastify/express.
 */
function locate(request: IncomingMessage): Location {
  const { baseUrl, originalUrl } = request as HostRequest
  const url = originForm(request.url ?? '')
  const base = typeof baseUrl === 'string' ? baseUrl : undefined
  if (typeof originalUrl !== 'string') return { mount: base ?? '', rest: url, isRaw: true }
  const whole = originForm(originalUrl)
  if (whole.endsWith(url)) {
    return { mount: base ?? whole.slice(0, whole.length - url.length), rest: url, isRaw: true }
  }
  const mount = base ?? ''
  const raw = whole.slice(mount.length)
  if (whole.startsWith(mount) && decoded(raw) === decoded(url)) return { mount, rest: raw, isRaw: true }
  return { mount, rest: url, isRaw: false }
}

/** Max levels of percent-encoding to decode; the guard refuses more. */
const MAX_DECODINGS = 10

/** Decodes byte by byte until nothing changes. */
function decoded(text: string): string {
  let current = Buffer.from(text, 'utf8').toString('latin1')
  for (let round = 0; round < MAX_DECODINGS; round++) {
    const next = decodeOnce(current)
    if (next === current) break
    current = next
  }
  return current
}
