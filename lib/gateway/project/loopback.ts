import { isIP } from 'node:net'

/** Whether only this machine can reach an address that is listened on. A name other than `localhost` counts as open. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
