import { isIP } from 'node:net'

/** Whether a listen address is reachable only from this machine. Any host name except `localhost` counts as public. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
