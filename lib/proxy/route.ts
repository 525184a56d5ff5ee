import type { IncomingMessage } from 'node:http'

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
 * Reads the address of a request by itself, because Express 4, Express 5 and plain `http` differ in how they do it.
 * The prefix is compared byte for byte: a path that merely decodes to it is not ours. Nor has a resource two addresses,
 * of which the host might protect one: where nothing was cut off, the mount must be there (pitfall P3).
 * @param behindMount true when the host cuts the mount off `request.url` without a trace, as the contract has it
 * @returns undefined when the path is not ours
 */
export function routeOf(request: IncomingMessage, behindMount: boolean): Route | undefined {
  let url = request.url ?? ''
  const cut = cutOff(request, url)
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
  const query = url.slice(end)
  const nameStart = PREFIX.length + 1
  if (nameStart >= end) return { mount, name: undefined, path: undefined, query }
  const slash = url.indexOf('/', nameStart)
  if (slash === -1 || slash > end) return { mount, name: url.slice(nameStart, end), path: undefined, query }
  const path = url.slice(slash + 1, end)
  return { mount, name: url.slice(nameStart, slash), path: path === '' ? undefined : path, query }
}

/** What the host has cut off `request.url`: Express says so in `baseUrl`; connect and its kin keep the whole address. */
function cutOff(request: IncomingMessage, url: string): string {
  const { baseUrl, originalUrl } = request as { baseUrl?: unknown; originalUrl?: unknown }
  if (typeof baseUrl === 'string') return baseUrl
  if (typeof originalUrl !== 'string' || !originalUrl.endsWith(url)) return ''
  return originalUrl.slice(0, originalUrl.length - url.length)
}
