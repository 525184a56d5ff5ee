/** Outgoing connections: TLS, the forward proxy and the connect deadline, for agents, the client and the checklist. */
import { request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls'
import type { Secret } from '../secret.ts'
import { DeadlineError, ForwardProxyError } from './fault.ts'

export interface ForwardProxy {
  readonly proxyUri: string
  readonly userName?: string | undefined
  readonly password?: Secret | undefined
}

/** How connections to one server are made and kept. Times are in milliseconds; 0 or Infinity = no limit. */
export interface ConnectionProperties {
  readonly connectionTimeout: number
  readonly socketTimeout: number
  readonly reuseConnections: boolean
  /** A kept connection is renewed after this time, so that changes of DNS are followed under steady traffic. */
  readonly connectionTimeToLive?: number
  readonly maxConnections: number
  /** ALLOW_ALL accepts a trusted certificate for any host name. */
  readonly hostnameVerifier?: 'STRICT' | 'ALLOW_ALL'
  readonly dangerouslySkipTlsVerify?: boolean
  readonly proxy?: ForwardProxy | undefined
}

export interface ConnectionSettings<Properties extends ConnectionProperties = ConnectionProperties> {
  readonly properties: Properties
  /** Shared by all connections with the same trust: creating a context parses all root certificates. */
  secureContext(): SecureContext
  /** Resolves host names; Node's own resolver when absent. */
  readonly lookup?: LookupFunction | undefined
}

/** An idle connection closes before a common server-side timeout closes it under a request (Node 5 s, Jetty longer). */
export const IDLE_MS = 4_000

/** The host name without the brackets of an IPv6 address. */
export const hostNameOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '')

export const endpointOf = (url: URL) => ({
  host: hostNameOf(url),
  port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
})

/**
 * TLS options for `url`. The name that is verified is the configured one, never the caller's Host
 * (docs/pitfalls.md#callers-host-as-tls-name).
 */
export function tlsOptions(url: URL, { properties, secureContext }: ConnectionSettings): ConnectionOptions {
  const host = hostNameOf(url)
  return {
    secureContext: secureContext(),
    servername: isIP(host) === 0 ? host : '',
    rejectUnauthorized: !properties.dangerouslySkipTlsVerify,
    ...(properties.hostnameVerifier === 'ALLOW_ALL' ? { checkServerIdentity: () => undefined } : {}),
  }
}

/** The value of `Proxy-Authorization`; undefined when the forward proxy needs no credentials. */
export function proxyAuthorization(proxy: ForwardProxy | undefined): string | undefined {
  if (proxy?.userName === undefined) return undefined
  return `Basic ${Buffer.from(`${proxy.userName}:${proxy.password?.reveal() ?? ''}`, 'utf8').toString('base64')}`
}

/**
 * Opens a TCP connection to `url`, through the forward proxy if there is one.
 * @throws DeadlineError, ForwardProxyError, or the error of the socket
 */
export async function openTcp(url: URL, settings: ConnectionSettings): Promise<Socket> {
  if (settings.properties.proxy) return openTunnel(url, settings.properties.proxy, settings)
  return opened(connectTcp(directTo(url, settings)), 'connect', settings)
}

/**
 * Opens a TLS connection to `url`, through the forward proxy if there is one.
 * @param more TLS options that replace those of the settings
 * @throws DeadlineError, ForwardProxyError, or the error of the socket
 */
export async function openTls(url: URL, settings: ConnectionSettings, more?: ConnectionOptions): Promise<TLSSocket> {
  const { proxy } = settings.properties
  const way = proxy ? { socket: await openTunnel(url, proxy, settings) } : directTo(url, settings)
  const options = { ...tlsOptions(url, settings), ALPNProtocols: ['http/1.1'], ...more, ...way }
  return opened(connectTls(options), 'secureConnect', settings)
}

const directTo = (url: URL, { lookup }: ConnectionSettings) => ({ ...endpointOf(url), ...(lookup ? { lookup } : {}) })

/** Asks the forward proxy for a tunnel (CONNECT, RFC 9110, section 9.3.6). */
function openTunnel(url: URL, proxy: ForwardProxy, settings: ConnectionSettings): Promise<Socket> {
  const proxyUrl = new URL(proxy.proxyUri)
  const path = `${url.hostname}:${endpointOf(url).port}`
  const authorization = proxyAuthorization(proxy)
  const headers = { host: path, ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }) }
  const options = { ...endpointOf(proxyUrl), method: 'CONNECT', path, headers, agent: false }
  const request =
    proxyUrl.protocol === 'https:'
      ? requestTls({ ...options, secureContext: settings.secureContext() } as typeof options)
      : requestPlain(options)
  return new Promise((resolve, reject) => {
    const timer = connectTimer(settings, (error) => request.destroy(error))
    request.once('close', () => clearTimeout(timer))
    request.once('connect', ({ statusCode }, socket: Socket) => {
      clearTimeout(timer)
      if (statusCode === 200) return resolve(socket)
      socket.destroy()
      reject(new ForwardProxyError(statusCode))
    })
    request.once('error', reject).end()
  })
}

function opened<S extends Socket>(socket: S, event: 'connect' | 'secureConnect', settings: ConnectionSettings) {
  return new Promise<S>((resolve, reject) => {
    const timer = connectTimer(settings, (error) => socket.destroy(error))
    const fail = (error: Error) => reject(error)
    socket.once('close', () => clearTimeout(timer))
    socket.once('error', fail)
    socket.once(event, () => {
      clearTimeout(timer)
      socket.off('error', fail).setNoDelay(true)
      resolve(socket)
    })
  })
}

function connectTimer({ properties }: ConnectionSettings, expired: (error: DeadlineError) => void) {
  const ms = properties.connectionTimeout
  if (!Number.isFinite(ms) || ms <= 0) return undefined
  return setTimeout(() => expired(new DeadlineError('connect')), ms)
}
