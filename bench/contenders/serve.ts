import http from 'node:http'
import type { AddressInfo } from 'node:net'

/** Where the contender forwards to: `https://127.0.0.1:PORT`. */
export const target = new URL(process.env.TARGET ?? 'http://127.0.0.1:1')
/** PEM of the authority behind an https target. */
export const authority = process.env.AUTHORITY

/** What stands before the remote's own path in the address that callers use. */
export const LOCAL_BASE = '/openidm/external/idm/bench'
export const remotePath = (url = '/'): string => `/openidm${url.slice(LOCAL_BASE.length)}`

/** Listens on a free port and tells the benchmark. */
export function serve(listener: http.RequestListener): void {
  const server = http.createServer(listener)
  server.listen(0, '127.0.0.1', () => ready((server.address() as AddressInfo).port))
}

export const ready = (port: number): void => console.log(JSON.stringify({ port }))
