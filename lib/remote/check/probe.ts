/** Connections that are opened to see whether they can be, and closed again. */
import type { X509Certificate } from 'node:crypto'
import { request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import type { LookupFunction, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { chainOf } from '../../trust/certificate.ts'
import { type ConnectionSettings, hostNameOf, tlsOptions } from '../http/agent.ts'
import { DeadlineError, ForwardProxyError } from '../http/fault.ts'
import { proxyAuthorization } from '../http/forward-proxy.ts'

/** Where a connection to a remote goes. */
export const endpointOf = (url: URL) => ({
  host: hostNameOf(url),
  port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
})

/** What a TLS connection to a remote is made over: a connection of its own, or a tunnel through the forward proxy. */
export async function wayTo(url: URL, settings: ConnectionSettings): Promise<TlsWay> {
  return settings.properties.proxy ? { socket: await tunnelTo(url, settings) } : endpointOf(url)
}

type TlsWay = ReturnType<typeof endpointOf> | { socket: Socket }

/**
 * Has the forward proxy make a tunnel.
 * @throws Error of the kind `forwardProxy` when it refuses
 */
export function tunnelTo(url: URL, { properties }: ConnectionSettings): Promise<Socket> {
  const proxy = new URL(properties.proxy?.proxyUri ?? url)
  const authorization = proxyAuthorization(properties)
  const { host, port } = endpointOf(url)
  const path = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const headers = { host: path, ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }) }
  const request = proxy.protocol === 'https:' ? requestTls : requestPlain
  const timeout = timeoutOf(properties.connectionTimeout)
  return new Promise((resolve, reject) => {
    const connecting = request({ ...endpointOf(proxy), method: 'CONNECT', path, headers, agent: false, ...timeout })
    connecting.once('timeout', () => connecting.destroy(new DeadlineError('connect')))
    connecting.once('connect', ({ statusCode }, socket: Socket) => {
      if (statusCode === 200) {
        resolve(socket)
        return
      }
      socket.destroy()
      reject(new ForwardProxyError(statusCode))
    })
    connecting.once('error', reject).end()
  })
}

const timeoutOf = (ms: number): { timeout?: number } => (Number.isFinite(ms) && ms > 0 ? { timeout: ms } : {})

/** Opens a connection within the instance's own connectionTimeout. */
export function opened(
  { properties, lookup }: ConnectionSettings,
  open: (options: { lookup?: LookupFunction }) => Socket,
  event: 'connect' | 'secureConnect',
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = open(lookup ? { lookup } : {})
    const { timeout } = timeoutOf(properties.connectionTimeout)
    if (timeout !== undefined) socket.setTimeout(timeout, () => socket.destroy(new DeadlineError('connect')))
    socket.once(event, () => resolve(socket))
    socket.once('error', reject)
  })
}

/** The certificates that the remote presents, to be shown; nothing else is done over that connection. */
export async function presentedChain(url: URL, settings: ConnectionSettings): Promise<X509Certificate[]> {
  const chain: X509Certificate[] = []
  try {
    const options = { ...tlsOptions(url, settings), ...(await wayTo(url, settings)), rejectUnauthorized: false }
    const open = (extra: { lookup?: LookupFunction }) => {
      const socket = connectTls({ ...extra, ...options })
      // Once it is destroyed, a socket knows no certificate any more.
      return socket.once('secureConnect', () => chain.push(...chainOf(socket.getPeerCertificate(true))))
    }
    const socket = await opened(settings, open, 'secureConnect')
    socket.destroy()
  } catch {
    // What cannot be shown is explained without.
  }
  return chain
}
