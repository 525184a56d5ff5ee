/** Connections that are opened to see whether they can be, and closed again. */
import type { X509Certificate } from 'node:crypto'
import type { LookupFunction, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { chainOf } from '../trust/certificate.ts'
import { type ConnectionSettings, hostNameOf, tlsOptions } from './agent.ts'
import { DeadlineError } from './fault.ts'

/** Where a connection to a remote goes. */
export const endpointOf = (url: URL) => ({
  host: hostNameOf(url),
  port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
})

/** Opens a connection within the instance's own connectionTimeout. */
export function opened(
  { properties, lookup }: ConnectionSettings,
  open: (options: { lookup?: LookupFunction }) => Socket,
  event: 'connect' | 'secureConnect',
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = open(lookup ? { lookup } : {})
    const { connectionTimeout } = properties
    if (Number.isFinite(connectionTimeout) && connectionTimeout > 0) {
      socket.setTimeout(connectionTimeout, () => socket.destroy(new DeadlineError('connect')))
    }
    socket.once(event, () => resolve(socket))
    socket.once('error', reject)
  })
}

/** The certificates that the remote presents, to be shown; nothing else is done over that connection. */
export async function presentedChain(url: URL, settings: ConnectionSettings): Promise<X509Certificate[]> {
  const options = { ...tlsOptions(url, settings), ...endpointOf(url), rejectUnauthorized: false }
  const chain: X509Certificate[] = []
  const open = (extra: { lookup?: LookupFunction }) => {
    const socket = connectTls({ ...extra, ...options })
    // Once it is destroyed, a socket knows no certificate any more.
    return socket.once('secureConnect', () => chain.push(...chainOf(socket.getPeerCertificate(true))))
  }
  try {
    const socket = await opened(settings, open, 'secureConnect')
    socket.destroy()
  } catch {
    // What cannot be shown is explained without.
  }
  return chain
}
