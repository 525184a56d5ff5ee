/**
 * `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, for connections without a configured forward proxy. No standard defines
 * them. As in curl and Go, lower case wins, a name in `NO_PROXY` includes its subdomains, and loopback is never proxied.
 */
import { BlockList, isIP } from 'node:net'
import { Secret } from '../secret.ts'
import { endpointOf, type ForwardProxy, hostNameOf } from './connection.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The properties in force for connections to `target`.
 * @throws Error with a sentence, without the value, for a variable that is no proxy URL
 */
export function withEnvironmentProxy<P extends { readonly proxy?: ForwardProxy | undefined }>(
  properties: P,
  target: URL,
  env: Environment,
): P {
  if (properties.proxy) return properties
  const name = target.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const value = env[name.toLowerCase()] ?? env[name]
  if (!value || isExempt(target, env.no_proxy ?? env.NO_PROXY ?? '')) return properties
  return { ...properties, proxy: parseProxy(name, value) }
}

function parseProxy(name: string, value: string): ForwardProxy {
  const text = value.includes('://') ? value : `http://${value}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '')
    throw new Error(`the environment variable ${name} must be the http:// or https:// URL of a forward proxy`)
  const { username, password } = url
  return {
    proxyUri: url.origin,
    ...(username === '' ? {} : { userName: decoded(username) }),
    ...(password === '' ? {} : { password: new Secret(decoded(password)) }),
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

function isExempt(target: URL, list: string): boolean {
  const host = hostNameOf(target).toLowerCase().replace(/\.$/, '')
  const port = String(endpointOf(target).port)
  if (host === 'localhost' || isIn(loopback, host)) return true
  const entries = list.toLowerCase().split(/[\s,]+/)
  return entries.some((entry) => entry !== '' && covers(entry, host, port))
}

/** `*`, `example.com`, `.example.com`, `*.example.com`, each with an optional port; an address; `10.0.0.0/8`. */
function covers(entry: string, host: string, port: string): boolean {
  if (entry === '*' || entry.replace(/^\[|\]$/g, '') === host) return true
  if (entry.includes('/')) return isIn(subnetOf(entry), host)
  const [, name = entry, ownPort] = /^(.*[^:]):(\d+)$/.exec(entry) ?? []
  if (ownPort !== undefined && ownPort !== port) return false
  const domain = name.replace(/^\*?\./, '').replace(/^\[|\]$/g, '')
  return host.endsWith(`.${domain}`) || (host === domain && !name.startsWith('*'))
}

function subnetOf(entry: string): BlockList {
  const [network = '', prefix = ''] = entry.split('/')
  const subnet = new BlockList()
  const longest = { 0: -1, 4: 32, 6: 128 }[isIP(network)] ?? -1
  if (/^\d+$/.test(prefix) && Number(prefix) <= longest)
    subnet.addSubnet(network, Number(prefix), isIP(network) === 6 ? 'ipv6' : 'ipv4')
  return subnet
}

function isIn(list: BlockList, host: string): boolean {
  const family = isIP(host)
  return family !== 0 && list.check(host, family === 6 ? 'ipv6' : 'ipv4')
}
