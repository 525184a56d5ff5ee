import type { IncomingMessage } from 'node:http'
import { badRequest } from '../crest/errors.ts'
import { checkAuthority, originForm } from '../crest/http/request-target.ts'
import { decodeOnce } from '../remote/resource/path-guard.ts'

/** Where a request of ours goes: `{mount}/external/idm/{name}/{path}?{query}`, all as raw as the caller wrote it. */
export interface Route {
  /** Begins the local address of a remote resource: `/openidm`, or what the host cut off. */
  readonly mount: string
  /** undefined = the collection `external/idm` itself. */
  readonly name: string | undefined
  /** Behind `external/idm/NAME/`, undecoded; undefined when the path ends at the name. */
  readonly path: string | undefined
  /** With its question mark; may be empty. */
  readonly query: string
}

const PREFIX = '/external/idm'
const MOUNT = '/openidm'

/**
 * Reads the address of a request by itself, because Express 4, Express 5, Fastify and plain `http` differ in how they do
 * it. The prefix is compared byte for byte: a path that merely decodes to it is not ours. Nor has a resource two addresses,
 * of which the host might protect one: where nothing was cut off, the mount must be there
 * (docs/pitfalls.md#two-readers-of-one-path).
 * @param behindMount true when the host cuts the mount off `request.url` without a trace, as the contract has it
 * @returns undefined when the path is not ours
 * @throws ResourceException 400 when it is ours, but what the caller wrote can no longer be told
 */
export function routeOf(request: IncomingMessage, behindMount: boolean): Route | undefined {
  const { mount: cut, rest, isRaw } = locate(request)
  let url = rest
  if (cut === '' && !behindMount) {
    if (!url.startsWith(`${MOUNT}/`)) return undefined
    url = url.slice(MOUNT.length)
  }
  const mount = cut || MOUNT
  if (!url.startsWith(PREFIX)) return undefined
  const mark = url.indexOf('?')
  const end = mark === -1 ? url.length : mark
  const next = url[PREFIX.length]
  if (next !== undefined && next !== '/' && next !== '?') return undefined
  if (!isRaw) throw badRequest('The host has changed the path on its way here: what the caller asked for is not known')
  checkAuthority(request, (request as HostRequest).originalUrl ?? request.url ?? '')
  const query = url.slice(end)
  const nameStart = PREFIX.length + 1
  if (nameStart >= end) return { mount, name: undefined, path: undefined, query }
  const slash = url.indexOf('/', nameStart)
  if (slash === -1 || slash > end) return { mount, name: url.slice(nameStart, end), path: undefined, query }
  const path = url.slice(slash + 1, end)
  return { mount, name: url.slice(nameStart, slash), path: path === '' ? undefined : path, query }
}

/** A request for a path of ours from which a host has cut the mount off without a trace, or a path that is not ours. */
export const lacksMount = (request: IncomingMessage): boolean => {
  const { mount, rest } = locate(request)
  return mount === '' && (rest.startsWith(`${PREFIX}/`) || rest === PREFIX)
}

type HostRequest = IncomingMessage & { readonly baseUrl?: unknown; readonly originalUrl?: string }

interface Location {
  /** What the host has cut off. */
  readonly mount: string
  readonly rest: string
  /** Whether `rest` is what the caller wrote, byte for byte. */
  readonly isRaw: boolean
}

/**
 * Express says in `baseUrl` what it has cut off `request.url`; connect and its kin keep the whole target in `originalUrl`.
 * A host that decodes `request.url`, as @fastify/express does, keeps the raw target there as well.
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

/** As often as a path may be encoded upon itself; the guard refuses what is encoded more often. */
const MAX_DECODINGS = 10

/** Decodes until nothing changes, byte for byte. */
function decoded(text: string): string {
  let current = Buffer.from(text, 'utf8').toString('latin1')
  for (let round = 0; round < MAX_DECODINGS; round++) {
    const next = decodeOnce(current)
    if (next === current) break
    current = next
  }
  return current
}
