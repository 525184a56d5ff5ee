import type { IncomingMessage } from 'node:http'

/** Where a request of ours goes: `{mount}/external/idm/{name}/{path}?{query}`, all as raw as the caller wrote it. */
export interface Route {
  /** `/openidm` under an Express mount or in a plain server; begins the local address of a remote resource. */
  readonly mount: string
  /** undefined = the collection `external/idm` itself. */
  readonly name: string | undefined
  /** Behind `external/idm/NAME/`, undecoded; undefined when the path ends at the name. */
  readonly path: string | undefined
  /** With its question mark; may be empty. */
  readonly query: string
}

const PREFIX = '/external/idm'
const PLAIN_MOUNT = '/openidm'

/**
 * Reads the address of a request by itself, because Express 4, Express 5 and plain `http` differ in how they do it.
 * The prefix is compared byte for byte: a path that merely decodes to it is not ours (pitfall P3).
 * @returns undefined when the path is not ours
 */
export function routeOf(request: IncomingMessage): Route | undefined {
  const { baseUrl } = request as { baseUrl?: unknown }
  let url = request.url ?? ''
  const mounted = typeof baseUrl === 'string'
  if (!mounted && url.startsWith(`${PLAIN_MOUNT}/`)) url = url.slice(PLAIN_MOUNT.length)
  if (!url.startsWith(PREFIX)) return undefined
  const mark = url.indexOf('?')
  const end = mark === -1 ? url.length : mark
  const next = url[PREFIX.length]
  if (next !== undefined && next !== '/' && next !== '?') return undefined
  const mount = mounted ? baseUrl : PLAIN_MOUNT
  const query = url.slice(end)
  const nameStart = PREFIX.length + 1
  if (nameStart >= end) return { mount, name: undefined, path: undefined, query }
  const slash = url.indexOf('/', nameStart)
  if (slash === -1 || slash > end) return { mount, name: url.slice(nameStart, end), path: undefined, query }
  const path = url.slice(slash + 1, end)
  return { mount, name: url.slice(nameStart, slash), path: path === '' ? undefined : path, query }
}
